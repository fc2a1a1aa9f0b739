import { redis } from "../engine/redis.ts";
import { main } from "../main.ts";

await main(redis);
