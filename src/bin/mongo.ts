import { mongo } from "../engine/mongo.ts";
import { main } from "../main.ts";

await main(mongo);
