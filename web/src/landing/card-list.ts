/** A list of streams' cards in the page. A card that stays keeps its element, and so the focus and its pictures. */
import type { StreamCard } from "../kit/directory-client.ts";

/** What is on a card besides the stream's own texts. */
export interface CardNote {
  /** On the picture. */
  readonly badge: string;
  readonly isLive: boolean;
  /** Under the title. */
  readonly detail: string;
}

/** The elements of one card. */
interface CardElements {
  readonly item: HTMLLIElement;
  readonly link: HTMLAnchorElement;
  readonly poster: HTMLImageElement;
  readonly avatar: HTMLImageElement;
  readonly badge: HTMLElement;
  readonly title: HTMLElement;
  readonly detail: HTMLElement;
}

/** The cards of one `<ul>`. */
export class CardList {
  readonly #list: HTMLElement;
  readonly #cards = new Map<string, CardElements>();

  constructor(list: HTMLElement) {
    this.#list = list;
  }

  /** Shows these cards in this order. */
  show(cards: readonly StreamCard[], noteOf: (card: StreamCard) => CardNote): void {
    const shown = new Set(cards.map(({ stream }) => stream));
    for (const [stream, { item }] of this.#cards) {
      if (shown.has(stream)) continue;
      item.remove();
      this.#cards.delete(stream);
    }
    // Moving the element that has the focus would take it away.
    const mayMove = !this.#list.contains(document.activeElement);
    for (const [at, card] of cards.entries()) {
      const elements = this.#cards.get(card.stream) ?? createCard(card.stream);
      const isNew = !this.#cards.has(card.stream);
      this.#cards.set(card.stream, elements);
      fillCard(elements, card, noteOf(card));
      const there = this.#list.children[at];
      if (there !== elements.item && (isNew || mayMove)) this.#list.insertBefore(elements.item, there ?? null);
    }
  }
}

function createCard(stream: string): CardElements {
  const item = document.createElement("li");
  const link = item.appendChild(document.createElement("a"));
  link.className = "card";
  link.href = `/watch/${stream}`;
  const picture = append(link, "span", "picture");
  const poster = createImage(picture, 320, 180);
  const badge = append(picture, "span", "badge");
  const line = append(link, "span", "line");
  const avatar = createImage(line, 40, 40);
  const texts = append(line, "span", "texts");
  const title = append(texts, "strong", "title");
  title.dir = "auto";
  return { item, link, poster, avatar, badge, title, detail: append(texts, "small", "detail") };
}

function fillCard(elements: CardElements, card: StreamCard, { badge, isLive, detail }: CardNote): void {
  const { poster, avatar } = elements;
  if (poster.getAttribute("src") !== card.poster) poster.src = card.poster;
  if (avatar.getAttribute("src") !== card.avatar) avatar.src = card.avatar;
  elements.badge.textContent = badge;
  elements.badge.classList.toggle("badge-live", isLive);
  if (isLive) elements.link.dataset["live"] = card.stream;
  else delete elements.link.dataset["live"];
  elements.title.textContent = card.title;
  const host = document.createElement("bdi");
  host.textContent = card.host === card.title ? "" : card.host;
  elements.detail.replaceChildren(host, host.textContent === "" || detail === "" ? "" : " · ", detail);
}

function append(parent: HTMLElement, tag: string, name: string): HTMLElement {
  const made = parent.appendChild(document.createElement(tag));
  made.className = name;
  return made;
}

function createImage(parent: HTMLElement, width: number, height: number): HTMLImageElement {
  const image = parent.appendChild(document.createElement("img"));
  image.alt = "";
  image.loading = "lazy";
  image.decoding = "async";
  [image.width, image.height] = [width, height];
  return image;
}
