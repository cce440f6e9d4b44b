/** What a page runs of the product. */
import type { RoomClient, RoomClientOptions } from "../../../core/room/client/client.ts";
import type { reduceRoomView as ReduceRoomView, RoomView } from "../../../web/src/chat/room-view.ts";
import type { ProductPart } from "../kernel/product-code.ts";

/** The part of the product that pages run. */
export const CHAT_PART: ProductPart = {
  name: "chat",
  entry: `export { RoomClient } from "./core/room/client/client.ts";
    export { reduceRoomView, INITIAL_ROOM_VIEW } from "./web/src/chat/room-view.ts";`,
};

/** What the part exports. */
export interface ChatCode {
  readonly RoomClient: new (options: RoomClientOptions) => RoomClient;
  readonly reduceRoomView: typeof ReduceRoomView;
  readonly INITIAL_ROOM_VIEW: RoomView;
}
