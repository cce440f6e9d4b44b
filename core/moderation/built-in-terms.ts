/** The built-in lists: the terms of each category, and ordinary words that contain the same letters. */
import type { AutoModLevel, ModerationCategory } from "./categories.ts";
import type { DictionaryTerm, TermReach } from "./term-dictionary.ts";

/** Data of a built-in term: `level` is the lowest level at which it matches. */
export interface BuiltInTermData {
  readonly category: ModerationCategory;
  readonly level: Exclude<AutoModLevel, 0>;
}

interface TermGroup extends BuiltInTermData {
  /** `strong` terms match inside words, in split and in masked words: no ordinary word contains their letters. */
  readonly matching: "strong" | TermReach;
  /** Separated by commas; a phrase contains spaces. */
  readonly terms: string;
}

const TERM_GROUPS: readonly TermGroup[] = [
  {
    category: "profanity",
    level: 2,
    matching: "strong",
    terms: `fuck, fuk, fuc, fvck, phuck, fcuk, motherfucker, asshole, arsehole, bullshit, dipshit, shithead, shitty,
      dickhead, wanker, bollocks, kurwa, scheisse, arschloch, pendejo, hijo de puta, cabron, fils de pute, putain`,
  },
  {
    category: "profanity",
    level: 3,
    matching: "strong",
    terms:
      "shit, bitch, bastard, bitches, blyat, cyka blyat, bullcrap, jackass, dumbass, smartass, badass, fatass, lardass",
  },
  {
    category: "profanity",
    level: 3,
    matching: "word",
    terms: `ass, asses, arse, fck, fcking, fuq, fukin, sht, btch, biatch, beotch, azz, azzhole, ashole, ahole, prick, piss, pissed, pissing,
      pissed off, twat, twats, tosser, wank, wanking, dick, dicks, cock, cocks, mierda, puta, puto, merde, salope, connard, hurensohn, fotze,
      scheiss, cazzo, stronzo, vaffanculo, pizda, huj, chuj, jebac, spierdalaj, orospu, siktir, amk, сука, блядь, хуй,
      пизда, ебать, мудак, wtf, stfu, gtfo, lmfao, kys bitch, son of a bitch, douche, douchebag, shite, jerkoff, bellend, minger, turd`,
  },
  {
    category: "profanity",
    level: 4,
    matching: "word",
    terms: "damn, goddamn, dammit, crap, crappy, hell no, bloody hell, screw you, freaking, bugger, butthead, poop",
  },
  {
    category: "sexual",
    level: 2,
    matching: "strong",
    terms: `blowjob, handjob, footjob, rimjob, cumshot, creampie, gangbang, bukkake, deepthroat, masturbat, pornhub, porno,
      onlyfans leak, xvideos, hentai, dildo, cunnilingus, fellatio, buttplug, jerk off, jack off, fleshlight, camgirl, camwhore, upskirt,
      threesome, pedophile, paedophile, bestiality, beastiality, cock sucker, dick pic, pussy, ejaculat, anal sex, oral sex, phone sex, sex tape, sex cam, sex chat`,
  },
  {
    category: "sexual",
    level: 1,
    matching: "any",
    terms: "child porn, childporn, kiddie porn, jailbait",
  },
  {
    category: "sexual",
    level: 3,
    matching: "word",
    terms: `porn, pr0n, cum, cums, cumming, jizz, tits, titties, titty, boobs, boobies, boob, nudes, send nudes, horny, milf, clit, clitoris, penis, vagina, anal, anus,
      orgasm, orgasms, orgy, fap, fapping, boner, nipple, nipples, semen, sperm, slut, slutty, whore, hoe, thot, hooker, prostitute, escort service, erotic, erection,
      striptease, nsfw, bdsm, fetish, kinky, dominatrix, incest, bareback, fisting, rimming, squirting, bondage, ballsack, scrotum, testicles, vibrator, pegging, fingering, ahegao, rule34, show me your feet,
      suck my, sit on my face, take off your clothes, take your top off, show boobs, wanna bang`,
  },
  {
    category: "sexual",
    level: 4,
    matching: "word",
    terms:
      "sex, sexy, sexual, nude, nudity, naked, lingerie, panties, topless, busty, xxx, lewd, butt, buttocks, booty, genitals, intercourse, condom, stripper, playboy, vulva",
  },
  {
    category: "hate",
    level: 1,
    matching: "strong",
    terms:
      "nigger, nigga, niggger, nigguh, n1gga, faggot, sandnigger, wetback, towelhead, raghead, porchmonkey, heil hitler, sieg heil, white power, gas the jews, kill all jews, kill all muslims, kill all gays",
  },
  {
    category: "hate",
    level: 1,
    matching: "word",
    terms: `kike, faggy, beaner, jigaboo, kkk, nignog, golliwog, zipperhead, gypo,
      camel jockey, shemale, go back to your country, untermensch, ngger, nggr, niggr, niga, nigar, neger, pajeet, race traitor, 1488`,
  },
  {
    category: "hate",
    level: 2,
    matching: "word",
    terms:
      "spic, spick, yid, wop, dago, sheeny, hymie, pickaninny, piccaninny, injun, greaseball, chink, gook, coon, fag, fagot, paki, tranny, trannies, dyke, negroid, subhuman, white supremacy, retard, retarded, retards, tard, libtard, cripple, spastic, spaz, mongoloid, feminazi, neonazi, nazi, nazis, hitler was right, lesbo, ladyboy, homo, negro, redskin, honky, cracker trash, white trash, jewboy, gays should, women belong in the kitchen",
  },
  {
    category: "hate",
    level: 4,
    matching: "word",
    terms: "hitler, swastika, gypsy, midget, savages, illegals, infidel, infidels",
  },
  {
    category: "harassment",
    level: 1,
    matching: "strong",
    terms: `kill yourself, kill urself, kill ur self, kill your self, hang yourself, hang urself, cut yourself, neck yourself, shoot yourself, drink bleach, slit your wrists, slit your throat, i will kill you,
      i'll kill you, ill kill you, gonna kill you, going to kill you, i will rape, rape you, end your life, jump off a bridge, jump off a cliff, hope you die, i hope you get cancer, put a bullet in, i will find you, i know where you live`,
  },
  {
    category: "harassment",
    level: 1,
    matching: "word",
    terms:
      "kys, keep yourself safe lol, go die, just die, please die, rope yourself, an hero, unalive yourself, swat you, dox you, doxx you, doxxed, gonna dox",
  },
  {
    category: "harassment",
    level: 1,
    matching: "strong",
    terms: "cunt",
  },
  {
    category: "harassment",
    level: 2,
    matching: "word",
    terms:
      "rape, raped, raping, rapist, shut up, shut the hell up, shut the f up, nobody likes you, everyone hates you, you are worthless, you're worthless, ur worthless, you are disgusting, you disgust me, fat pig, fat cow, ugly pig, ugly cow, waste of space, piece of trash, piece of garbage, die in a fire, go to hell, eat a bag of, scumbag, lowlife, simp, incel, cuck, soyboy, skank, hag, imbecile, braindead, brain dead",
  },
  {
    category: "harassment",
    level: 4,
    matching: "word",
    terms:
      "idiot, moron, stupid, loser, dumb, ugly, trash, garbage, pathetic, clown, noob, fool, dimwit, halfwit, dork, creep, weirdo, you suck, u suck, hate you, get lost",
  },
  {
    category: "spam",
    level: 1,
    matching: "any",
    terms: `buy followers, buy viewers, cheap viewers, best viewers, cheap followers, free followers, free viewers, get followers, get viewers, more followers on, bigfollows, boost your channel, promote your channel,
      free robux, free vbucks, free v bucks, free bitcoin, double your bitcoin, double your crypto, crypto giveaway, bitcoin giveaway, send eth, claim your prize, claim your reward, you have won, work from home and earn,
      earn money fast, make money fast, earn cash online, earn dollars a day, investment opportunity, guaranteed profit, guaranteed returns, passive income, whatsapp me, text me on whatsapp, message me on telegram, join my telegram,
      add me on telegram, dm me for, contact me for, click the link, click this link, click here, check my profile, check my bio, link in my bio, link in bio, visit my profile, hot singles, singles in your area, free gift card, free giftcard,
      free nitro, free steam, steam gift, free iphone, cheap viagra, buy viagra, buy cialis, online casino, casino bonus, forex signals, forex trading, trading signals, online pharmacy, limited time offer, act now, recovery expert, lost funds, recover your funds`,
  },
  {
    category: "spam",
    level: 1,
    matching: "word",
    terms: "viagra, cialis, levitra, xanax, bit ly, tinyurl com, discord gg, goo gl, cutt ly, grabify",
  },
  {
    category: "spam",
    level: 2,
    matching: "word",
    terms:
      "follow for follow, follow 4 follow, sub for sub, sub 4 sub, sub4sub, follow me back, follow back, subscribe to my channel, follow my channel, check out my channel, check my channel, watch my stream, come watch me, giveaway winner, free money, promo code, discount code, airdrop, onlyfans, only fans",
  },
  {
    category: "spam",
    level: 4,
    matching: "word",
    terms: "giveaway, casino, crypto, bitcoin, forex, nft, nfts, cheap, buy now, lottery, jackpot, telegram, whatsapp",
  },
];

/** Words and phrases that contain a strong term by accident. */
const ALLOWED_WORDS = `scunthorpe, van dyke, moby dick, dick van dyke, shiitake, shitake, shih tzu, shittim, mishit, mishits, penistone, lightwater, clitheroe, pushit, matsushita, yamashita, kinoshita, shitsu,
  niggard, niggards, niggardly, niggardliness, shittah, shitzu, tittle, tittles, pussytoes, snigger, sniggers, sniggered, sniggering, pussycat, pussycats, pussyfoot, pussyfooting, pussy willow, octopussy, pussy riot,
  fukuoka, fukushima, fukuda, fukui, fukuyama, fukuhara, fukien, fukuro, fukubukuro, fukunaga, fukada, fukase, fukurou, yofukashi, fuku, kofuku, kafuka, fukt,
  confucius, confucian, confucianism, fuchsia, fuchs, fuchsias, fucose, fucus, fucoidan, fucoid, fucoxanthin, infuscate, fucales, effuce, obfuscate, fuca, fuco, fucata, fucking austria, wankel, swanker, swankers, wankers,
  fuchsin, fuchsine, fucous, fuci, bashiti, shitennoji, bitchumen, kurwar, dildos, vancunt, porraceous, hentaigana, masturbate, cummings`;

/**
 * Set phrases, names and words of other languages in which a term is harmless. WordNet's phrases and examples are the place
 * to look for more; the corpus' held-out half is not.
 */
const ALLOWED_PHRASES = `homo sapiens, homo erectus, homo habilis, homo neanderthalensis, homo heidelbergensis, homo ludens, homo faber, homo economicus, genus homo, ecce homo,
  cum laude, doo wop, spic and span, spick and span, fag end, fag packet, maine coon, coon cat, coon hound, gone coon, coon dog, chink in the, chink in his, chink in her, chink in my, chink in your, chinks in, chink of light,
  boston cream pie, spotted dick, clever dick, tricky dick, tom dick and harry, tom and dick, dick and jane, dick turpin, dick cheney, dick clark, dick tracy, dick fosbury, dick grayson, dick francis, philip k dick, andy dick, dick advocaat, dick wolf, slippery dick,
  hooker's green, john lee hooker, richard hooker, joseph hooker, general hooker, offa's dyke, dyke road, van dyke's, dyke broke, dykes and dams, dams and dykes,
  sperm whale, sperm whales, sperm oil, sperm bank, sperm banks, sperm count, sperm cell, sperm cells, sperm donor,
  cock and bull, cock a doodle, cock a leekie, cock a hoop, fighting cock, fighting cocks, cock fight, cock fights, cock fighting, half cock, half cocked, weather cock, turkey cock, jungle cock, stop cock, ball cock, cock crow, cocks crow, cocks crowed, cock crowed, cock pheasant, cock sparrow, cock robin, cock of the walk, cock of the rock, cock one's head, cock his head, cock her head, cock your head,
  jackass penguin, jackass penguins, laughing jackass, wild ass, wild asses, domestic ass, jenny ass, ass's milk, ass and cart, donkey or ass,
  brood bitch, shi'ite, shi'ites, shiite, shiites, negro spiritual, negro spirituals, negro league, negro leagues, rio negro, río negro, cerro negro, mar negro, gato negro, humor negro, mercado negro, agujero negro, viernes negro, blanco y negro, negro y, color negro, pelo negro, café negro, vestido negro, cisne negro, caballo negro, punto negro,
  washington redskins, honky tonk, honky tonks, hag ridden, declared brain dead, spastic colon, spastic paralysis, spastic bladder,
  horny toad, horny toads, horny frog, horny coral, horny layer, horny structure, horny scales, garden hoe, dutch hoe, hoe handle, scuffle hoe, hoe the, rake and hoe, hoe and rake, spade and hoe, hoe down,
  boob tube, blue tits, coal tits, nipple shield, nipple shields, grease nipple, finger prick, pin prick, prick up, prick your finger, pricks his finger, thumb pricks,
  anal fin, anal gland, anal glands, anal retentive, anal stage, anal phase, anal personality, bareback rider, bareback riders, bareback riding, bareback on a, ride bareback, rides bareback, rode bareback, horse bareback, bondage of, bondage to, debt bondage, bondage in egypt, from bondage,
  orgy of, made a fetish of, kinky hair, kinky boots, kinky cord, kinky cords, squirting cucumber, squirting water, fingering chart, fingering technique, guitar fingering, piano fingering, rape oil, rape seed, oilseed rape, wild rape,
  nazi germany, nazi party, nazi regime, nazi era, nazi period, nazi propaganda, nazi occupation, nazi occupied, nazi interpretation, the nazis, former nazi, nazi camp, nazi camps, anti nazi, soup nazi,
  retard the growth, retard the progress, retard the ignition, retard growth, will retard, en retard, le retard, du retard, un retard, de retard, sans retard, retard de, mon retard, ton retard, son retard, retards de, les retards,
  är slut, tar slut, tog slut, er slut, slut på, till slut, til slut, ta slut, just die laughing, could just die, die hard, die hards`;

/** The entries of a comma-separated list. */
const splitList = (text: string): string[] => text.split(",").map((entry) => entry.trim().replace(/\s+/g, " "));

/** The built-in terms. */
export function builtInTerms(): DictionaryTerm<BuiltInTermData>[] {
  return TERM_GROUPS.flatMap(({ matching, terms, category, level }) => {
    const split = matching === "strong";
    const reach = matching === "strong" ? "any" : matching;
    const data = { category, level };
    return splitList(terms).flatMap((text) => {
      const term = { text, reach, split, data } as const;
      const plural = reach === "word" && !text.includes(" ") && !text.endsWith("s");
      return plural ? [term, { ...term, text: `${text}s` }] : [term];
    });
  });
}

/** The built-in ordinary words and phrases. */
export const builtInAllowedPhrases = (): string[] => [...splitList(ALLOWED_WORDS), ...splitList(ALLOWED_PHRASES)];
