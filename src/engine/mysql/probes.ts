import { advise, type Problem } from "../../errors.ts";
import { type DumpPaths, type DumpRequest, type Facts, type Probe, probeLimitMs } from "../engine.ts";
import { silentServer } from "../silence.ts";
import { defaultPort, mysqlAdvice } from "./advice.ts";
import { type Client, sqlCommand } from "./client.ts";
import { tlsLevel } from "./tls.ts";

/** The client's own limit tells more than the end of the probe: it ends first. */
const connectTimeout = `--connect-timeout=${probeLimitMs / 1000 - 5}`;

/** The client's words for a greeting, or a connection, that did not come in time (ETIMEDOUT or EAGAIN, on Linux and BSD). */
const noGreeting = /ERROR 2013 .* at '.*system error: (110|11|60|35)\b|ERROR 200[23] .*\((110|60)\b/;

/**
 * Asks for any answer at all. What else may be wrong the dump tool tells by itself, but a server that takes the
 * connection and stays silent holds it for ever.
 */
export function answerProbe(
  client: Client,
  request: DumpRequest,
  paths: DumpPaths,
  facts: Facts,
): Probe | null {
  if (facts["answer"] !== undefined) return null;
  return {
    title: "an answer of the server",
    command: sqlCommand(request, paths, client, "answer", "SELECT 1", [connectTimeout]),
    readsFile: null,
    interpret: ({ isLate, exitCode, stderr }) => {
      const isSilent = isLate || (exitCode !== 0 && noGreeting.test(stderr));
      const hint =
        "check the host and port, and whether a firewall stands between; something that waits for TLS, or speaks another protocol, is silent too";
      return {
        problems: isSilent ? [silentServer(request.connection, defaultPort, hint)] : [],
        warnings: [],
        leftOut: [],
        facts: { answer: String(!isSilent) },
      };
    },
  };
}

/** MariaDB's client can't insist on TLS without checking the certificate, so the server is asked before it is trusted. */
export function tlsProbe(client: Client, request: DumpRequest, paths: DumpPaths, facts: Facts): Probe | null {
  if (client.flavour !== "mariadb" || tlsLevel(request.connection) !== "require") return null;
  if (facts["tls"] !== undefined) return null;
  return {
    title: "TLS",
    command: sqlCommand(request, paths, client, "tls", "SHOW SESSION STATUS LIKE 'Ssl_cipher'"),
    readsFile: null,
    interpret: ({ exitCode, stdout, stderr }) => {
      const encrypted = exitCode === 0 && /^Ssl_cipher\t\S/m.test(stdout);
      const said = exitCode === 0 ? "" : stderr.trim();
      const words = exitCode === 0 ? "the server offers none" : said || "the server gave no answer";
      const problem: Problem = {
        message: `ssl-mode=REQUIRED in DB_URI (--db-uri) asks for TLS: ${words}`,
        ...(said === "" ? {} : { words: said }),
        hint:
          advise(stderr, mysqlAdvice) ??
          "set up TLS on the server, or allow a connection in clear with ?ssl-mode=PREFERRED",
      };
      return {
        problems: encrypted ? [] : [problem],
        warnings: [],
        leftOut: [],
        facts: { tls: String(encrypted) },
      };
    },
  };
}
