import type { Problem } from "../../errors.ts";
import type { Connection } from "../connection.ts";

/** Whose client programs are installed; their options differ. */
export type Flavour = "oracle" | "mariadb";

type Params = Connection["params"];

/** MySQL's own five modes (manual, `--ssl-mode`). */
const modes = ["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] as const;
export type TlsMode = (typeof modes)[number];

/** What drivers write instead, in upper case with `_`. */
const modeNames = new Map<string, TlsMode>([
  ...modes.map((mode) => [mode, mode] as const),
  ["DISABLE", "DISABLED"],
  ["PREFER", "PREFERRED"],
  ["REQUIRE", "REQUIRED"],
  ["TRUST", "REQUIRED"],
  ["VERIFY_FULL", "VERIFY_IDENTITY"],
]);

/** What a driver's own parameter stands for, by its key and value in lower case (Connector/J, Go, Prisma). */
const modeOfPair = new Map<string, TlsMode>([
  ["usessl=true", "REQUIRED"],
  ["usessl=false", "DISABLED"],
  ["requiressl=true", "REQUIRED"],
  ["requiressl=false", "PREFERRED"],
  ["verifyservercertificate=true", "VERIFY_CA"],
  ["verifyservercertificate=false", "PREFERRED"],
  ["ssl=true", "REQUIRED"],
  ["ssl=false", "DISABLED"],
  ["tls=true", "VERIFY_IDENTITY"],
  ["tls=skip-verify", "REQUIRED"],
  ["tls=preferred", "PREFERRED"],
  ["tls=false", "DISABLED"],
  ["sslaccept=strict", "VERIFY_IDENTITY"],
  ["sslaccept=accept_invalid_certs", "REQUIRED"],
]);

/** Parameters that name a file or a list, and the option both clients have for it. */
const optionOfParam = new Map([
  ["sslca", "--ssl-ca"],
  ["sslcapath", "--ssl-capath"],
  ["sslcert", "--ssl-cert"],
  ["sslkey", "--ssl-key"],
  ["sslcipher", "--ssl-cipher"],
  ["sslcrl", "--ssl-crl"],
  ["sslcrlpath", "--ssl-crlpath"],
  ["tlsversion", "--tls-version"],
]);

const publicKeyParams = ["allowpublickeyretrieval", "getserverpublickey"];

/** `ssl-mode`, `ssl_mode` and `sslMode` are one parameter. */
function plain(key: string): string {
  return key.toLowerCase().replace(/[_-]/g, "");
}

/** The mode that a URI asks for; null where it leaves that to the client. A CA alone asks for its check. */
export function tlsMode(params: Params): TlsMode | null {
  const asked = params.flatMap(([key, value]) => {
    const mode =
      plain(key) === "sslmode"
        ? modeNames.get(value.toUpperCase().replaceAll("-", "_"))
        : modeOfPair.get(`${plain(key)}=${value.toLowerCase()}`);
    return mode === undefined ? [] : [mode];
  });
  if (asked.length === 0) return params.some(([key]) => plain(key) === "sslca") ? "VERIFY_CA" : null;
  // Several parameters of one driver add up: useSSL=true&verifyServerCertificate=true.
  return asked.reduce((strictest, mode) =>
    modes.indexOf(mode) > modes.indexOf(strictest) ? mode : strictest,
  );
}

/**
 * The TLS options of a client. MariaDB's knows no `--ssl-mode`: there a mode is an option to use TLS and one to check
 * the certificate, and without the check it goes on in clear where the server has no TLS.
 */
export function tlsArgs(params: Params, flavour: Flavour): string[] {
  const mode = tlsMode(params);
  const files = params.flatMap(([key, value]) => {
    const option = optionOfParam.get(plain(key));
    return option === undefined ? [] : [`${option}=${value}`];
  });
  if (flavour === "oracle") {
    const publicKey = params.some(
      ([key, value]) => publicKeyParams.includes(plain(key)) && /^(true|1|)$/i.test(value),
    );
    return [
      ...(mode === null ? [] : [`--ssl-mode=${mode}`]),
      ...files,
      ...(publicKey ? ["--get-server-public-key"] : []),
    ];
  }
  if (mode === null) return files;
  if (mode === "DISABLED") return ["--skip-ssl"];
  const check = mode.startsWith("VERIFY") ? "--ssl-verify-server-cert" : "--skip-ssl-verify-server-cert";
  return ["--ssl", check, ...files];
}

/** Problems with the values of TLS parameters, and warnings of parameters that mean nothing to these tools. */
export function reviewParams(params: Params): { problems: Problem[]; warnings: string[] } {
  const problems = params
    .filter(([key, value]) => plain(key) === "sslmode" && tlsMode([[key, value]]) === null)
    .map(([key]): Problem => ({
      message: `DB_URI (--db-uri): ${key} has a value that is no TLS mode`,
      hint: `it is one of ${modes.join(", ")}`,
    }));
  const warnings = params
    .filter(([key, value]) => !isKnown(plain(key), value))
    .map(([key]) => `DB_URI (--db-uri): the parameter ${key} means nothing to mysqldump and is left out`);
  return { problems, warnings };
}

function isKnown(key: string, value: string): boolean {
  return (
    key === "sslmode" ||
    optionOfParam.has(key) ||
    publicKeyParams.includes(key) ||
    modeOfPair.has(`${key}=${value.toLowerCase()}`)
  );
}
