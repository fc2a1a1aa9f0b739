import { mariadb } from "../engine/mysql/mysql.ts";
import { main } from "../main.ts";

await main(mariadb);
