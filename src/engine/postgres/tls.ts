import { fold, type Meaning, type ParamRow, paramOf, type ReadMeaning, type TlsLevel } from "../params.ts";
import { asBoolean, either, fileAs, keystore, oneOf, passedAs } from "../param-rows.ts";

/** libpq's own words for TLS (PostgreSQL manual, "SSL Mode Descriptions"). */
export const modeOfLevel: Readonly<Record<TlsLevel, string>> = {
  off: "disable",
  allow: "allow",
  prefer: "prefer",
  require: "require",
  ca: "verify-ca",
  full: "verify-full",
};

const exactly = (level: TlsLevel): Meaning => ({ least: level, most: level });

/** Modes as libpq, MySQL's clients and node-postgres (`no-verify`) write them. One below `require` is meant as it stands. */
const modes: Readonly<Record<string, Meaning>> = {
  disable: exactly("off"),
  disabled: exactly("off"),
  allow: exactly("allow"),
  prefer: exactly("prefer"),
  preferred: exactly("prefer"),
  require: { least: "require" },
  required: { least: "require" },
  "no-verify": exactly("require"),
  "verify-ca": { least: "ca" },
  "verify-full": { least: "full" },
  "verify-identity": { least: "full" },
};

/** How security is asked of libpq. */
export const instead =
  "write what is meant as libpq does: sslmode=verify-full and sslrootcert=FILE, or sslmode=require";
const noMode: Meaning = {
  problem: "has a value that is no TLS mode",
  hint: `it is one of ${Object.values(modeOfLevel).join(", ")}`,
};

/** `ssl=…` is a switch (JDBC, Rails), a mode (asyncpg, postgres.js), or an object in JSON (node-postgres). */
const sslSwitch: ReadMeaning = (value, connection, key) => {
  const state = asBoolean(value);
  if (state === true) return { least: "require" };
  // Beside a mode it asks for nothing of its own: `sslmode=disable` says no as well.
  if (state === false) return paramOf(connection, "sslmode") ? { most: "prefer" } : exactly("prefer");
  if (!value.trimStart().startsWith("{"))
    return oneOf(modes, {
      ...noMode,
      hint: `it is true, false, or one of ${Object.values(modeOfLevel).join(", ")}`,
    })(value, connection, key);
  const check =
    /^\s*\{\s*("require"\s*:\s*true\s*,?)?\s*("rejectUnauthorized"\s*:\s*(true|false))?\s*\}\s*$/.exec(value);
  if (check === null) return { problem: "holds an object that libpq has no words for", hint: instead };
  return check[3] === "false" ? exactly("require") : { least: "full" };
};

/** `system` is libpq's word for the system's authorities from 16 on; an older one takes it for a file's name. */
const rootCertificate: ReadMeaning = (value, connection, key) => {
  if (value !== "system") return fileAs("sslrootcert")(value, connection, key);
  const mode = fold(paramOf(connection, "sslmode") ?? "verify-full");
  if (mode === "verifyfull" || mode === "verifyidentity") return { least: "full" };
  return {
    problem: "is system, which libpq takes with sslmode=verify-full alone",
    hint: "write sslmode=verify-full, or leave sslmode out",
  };
};

/** libpq's client certificate comes with a key; Prisma's, without one, is the server's authority. */
const certificate: ReadMeaning = (value, connection, key) => {
  if (paramOf(connection, "sslkey") !== null) return fileAs("sslcert")(value, connection, key);
  const accepts = paramOf(connection, "sslaccept");
  if (accepts === "strict") return fileAs("sslrootcert")(value, connection, key);
  if (accepts !== null) return {};
  return {
    problem: "stands without sslkey",
    hint: "a client's certificate needs its key too, sslkey=FILE; the server's authority is sslrootcert=FILE",
  };
};

const javaClass: Meaning = { problem: "names a class of Java's, which libpq has no use for", hint: instead };

/** What a URI may say of TLS and of who is who. */
export const tlsRows: readonly ParamRow[] = [
  ["sslmode", oneOf({ ...modes, "": { warning: "is empty and is left out" } }, noMode)],
  ["ssl", sslSwitch],
  ["requiressl", either({ least: "require" }, {})],
  ["sslrootcert", rootCertificate],
  ["sslcert", certificate],
  ["sslkey", fileAs("sslkey")],
  ["sslpassword", passedAs("sslpassword")],
  ["sslcrl", fileAs("sslcrl")],
  ["sslcrldir", fileAs("sslcrldir")],
  [
    "sslaccept",
    oneOf(
      { strict: { least: "full" }, "accept-invalid-certs": { most: "require" } },
      { ...noMode, hint: instead },
    ),
  ],
  ["sslidentity", keystore],
  [
    "sslinline",
    either({ problem: "puts certificates into the URI", hint: "write them into files, and name those" }, {}),
  ],
  ["sslkeylogfile", { problem: "would write the session's keys into a file", hint: "leave it out" }],
  ["directtls", either({ least: "require", sets: { sslnegotiation: "direct" } }, {})],
  [
    "oauth*",
    { problem: "needs a person at a browser", hint: "give the user a password, or a client certificate" },
  ],
  [
    "scramclientkey scramserverkey",
    { problem: "is a secret that has no safe way to the tool", hint: "give the password" },
  ],
  [
    "sslfactory",
    (value) => (value === "org.postgresql.ssl.NonValidatingFactory" ? exactly("require") : javaClass),
  ],
  [
    "sslhostnameverifier sslpasswordcallback sslfactoryarg xmlfactoryfactory jaas* usespnego authenticationplugin*",
    javaClass,
  ],
];
