import { mariadb } from "../engine/mysql.ts";
import { main } from "../main.ts";

await main(mariadb);
