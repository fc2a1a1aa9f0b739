import { mongo } from "../engine/mongo/mongo.ts";
import { main } from "../main.ts";

await main(mongo);
