import type { Facts } from "../../../../src/engine/engine.ts";

export const uri = "mysql://u:p@h/db";
/** What the client has said of itself; and the server has answered. */
export const oracle: Facts = { client: "oracle 9 7", answer: "true" };
export const maria: Facts = { client: "mariadb 11 8", answer: "true" };
