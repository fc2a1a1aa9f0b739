import { postgres } from "../engine/postgres/postgres.ts";
import { main } from "../main.ts";

await main(postgres);
