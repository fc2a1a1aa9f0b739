import type { Problem } from "../../errors.ts";
import type { Connection } from "../connection.ts";
import { type ParamReading, type TlsLevel, uriSetting } from "../params.ts";
import { readMysqlParams } from "./params.ts";
import { modeOfLevel, nameUnchecked } from "./tls-params.ts";

/** Whose client programs are installed; their options differ. */
export type Flavour = "oracle" | "mariadb";

/** Options of Oracle's client alone. MariaDB's asks for a server's key, and sends a password in clear, by itself. */
const oracleOnly = new Set([
  "--get-server-public-key",
  "--server-public-key-path",
  "--enable-cleartext-plugin",
  "--tls-ciphersuites",
]);

/** Options that name an authority. */
const authorities = ["--ssl-ca", "--ssl-capath"];

/** The TLS that a URI asks for; null where it leaves that to the client. */
export function tlsLevel(connection: Connection): TlsLevel | null {
  return readMysqlParams(connection).tls;
}

/** Whether the check of a certificate that is asked for needs the system's authorities, since none is named. */
export function needsCaBundle({ tls, options }: ParamReading): boolean {
  return (tls === "ca" || tls === "full") && !authorities.some((option) => options.has(option));
}

/**
 * The TLS options of a client. MariaDB's knows no `--ssl-mode`: there a mode is an option to use TLS and one to check
 * the certificate, and without the check it goes on in clear where the server has no TLS.
 */
export function tlsArgs(connection: Connection, flavour: Flavour, caBundle: string | null): string[] {
  const reading = readMysqlParams(connection);
  const own = needsCaBundle(reading) && caBundle !== null ? [`--ssl-ca=${caBundle}`] : [];
  const given = [...reading.options].flatMap(([option, { value }]) => {
    if (!option.startsWith("--") || (flavour === "mariadb" && oracleOnly.has(option))) return [];
    return value === "" ? [option] : [`${option}=${value}`];
  });
  const { tls } = reading;
  if (flavour === "oracle")
    return [...(tls === null ? [] : [`--ssl-mode=${modeOfLevel[tls]}`]), ...own, ...given];
  if (tls === null) return given;
  if (tls === "off") return ["--skip-ssl", ...given];
  const isChecked = tls === "ca" || tls === "full";
  return [
    "--ssl",
    isChecked ? "--ssl-verify-server-cert" : "--skip-ssl-verify-server-cert",
    ...own,
    ...given,
  ];
}

/** What of a URI's wishes this client can't honour; what neither can is found before. */
export function clientProblems(connection: Connection, flavour: Flavour): Problem[] {
  if (flavour === "oracle") return [];
  const { options, tls } = readMysqlParams(connection);
  const refuse = (option: string, message: string, hint: string): Problem[] => {
    const key = options.get(option)?.key;
    return key === undefined ? [] : [{ message: `${uriSetting}: ${key} ${message}`, hint }];
  };
  const another = "DB_URI can do without it, or MySQL's own client has to be installed";
  return [
    ...refuse("--tls-ciphersuites", "is unknown to MariaDB's client", another),
    ...refuse("--server-public-key-path", "is unknown to MariaDB's client", another),
    ...(tls === "ca"
      ? refuse(
          nameUnchecked,
          "can't be honoured: where MariaDB's client checks a certificate, it checks the name in it too",
          "name the host as the certificate does; or write ssl-mode=REQUIRED, which checks nothing",
        )
      : []),
  ];
}
