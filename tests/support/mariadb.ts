import { join } from "node:path";
import { component, componentPath } from "./components.ts";
import { type MysqlOptions, type MysqlServer, startMysqlFamily } from "./mysql-family.ts";

/** Starts a MariaDB server: "distro" the oldest in the tests (10.11 on Debian 12), "newest" Debian unstable's. */
export async function startMariadb(
  options: MysqlOptions & { readonly release?: "distro" | "newest" } = {},
): Promise<MysqlServer> {
  const name = options.release === "newest" ? "mariadb-newest" : "mariadb";
  const binDir = componentPath(name);
  const found = component(name);
  const base = join(binDir, "../../usr");
  const initialize = (data: string): string[] => [
    join(binDir, "mariadb-install-db"),
    "--no-defaults",
    `--basedir=${base}`,
    `--datadir=${data}`,
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
    "--skip-name-resolve",
  ];
  return startMysqlFamily(
    {
      scheme: "mariadb",
      binDir,
      version: "version" in found ? found.version : "",
      client: "mariadb",
      daemon: "mariadbd",
      initialize,
      args: [`--basedir=${base}`],
    },
    options,
  );
}
