import { postgres } from "../engine/postgres.ts";
import { main } from "../main.ts";

await main(postgres);
