import { mysql } from "../engine/mysql/mysql.ts";
import { main } from "../main.ts";

await main(mysql);
