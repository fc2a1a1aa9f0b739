import { join } from "node:path";
import { component, componentPath } from "./components.ts";
import { type MysqlOptions, type MysqlServer, startMysqlFamily } from "./mysql-family.ts";

/** Starts Oracle's MySQL server (Debian unstable's). */
export async function startMysql(options: MysqlOptions = {}): Promise<MysqlServer> {
  const binDir = componentPath("mysql");
  const found = component("mysql");
  const base = join(binDir, "../../usr");
  const daemon = join(base, "sbin/mysqld");
  return startMysqlFamily(
    {
      scheme: "mysql",
      binDir,
      version: "version" in found ? found.version : "",
      client: "mysql",
      daemon: "mysqld",
      initialize: (data) => [
        daemon,
        "--no-defaults",
        "--initialize-insecure",
        `--basedir=${base}`,
        `--datadir=${data}`,
      ],
      args: [`--basedir=${base}`, `--plugin-dir=${base}/lib/mysql/plugin`, "--mysqlx=OFF"],
    },
    options,
  );
}
