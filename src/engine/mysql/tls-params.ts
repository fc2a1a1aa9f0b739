import type { Connection } from "../connection.ts";
import { fold, type Meaning, type ParamRow, paramOf, type ReadMeaning, type TlsLevel } from "../params.ts";
import { asBoolean, either, fileAs, keystore, oneOf, passedAs } from "../param-rows.ts";

/** MySQL's own five modes (manual, `--ssl-mode`); it has none that would be `allow`. */
export const modeOfLevel: Readonly<Record<TlsLevel, string>> = {
  off: "DISABLED",
  allow: "PREFERRED",
  prefer: "PREFERRED",
  require: "REQUIRED",
  ca: "VERIFY_CA",
  full: "VERIFY_IDENTITY",
};

/** How security is asked of the client programs. */
export const instead =
  "write what is meant as MySQL's client does: ssl-mode=VERIFY_IDENTITY and ssl-ca=FILE, or ssl-mode=REQUIRED";

/** Set beside `VERIFY_CA` where a driver asked not to check the name. */
export const nameUnchecked = "the name in the certificate";

const exactly = (level: TlsLevel): Meaning => ({ least: level, most: level });
const noMode: Meaning = {
  problem: "has a value that is no TLS mode",
  hint: "it is one of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY",
};

/** The five modes, and what drivers write instead. One below `REQUIRED` is meant as it stands. */
const modes: Readonly<Record<string, Meaning>> = {
  disabled: exactly("off"),
  disable: exactly("off"),
  preferred: exactly("prefer"),
  prefer: exactly("prefer"),
  required: { least: "require" },
  require: { least: "require" },
  trust: exactly("require"),
  "no-verify": exactly("require"),
  "verify-ca": { least: "ca" },
  "verify-identity": { least: "full" },
  "verify-full": { least: "full" },
};

/**
 * Oracle's client passes over an authority beside a mode that does not check it. Who names one beside `REQUIRED`, as
 * Azure's manual does, means the check; `PREFERRED` could go on in clear.
 */
const authority =
  (option: string): ReadMeaning =>
  (value, connection, key) => {
    const mode = fold(paramOf(connection, "sslmode") ?? "");
    if (!/^(prefer|preferred)$/.test(mode)) return fileAs(option, { least: "ca" })(value, connection, key);
    return {
      problem: "names an authority, which the client does not look at below VERIFY_CA",
      hint: "write ssl-mode=VERIFY_CA or VERIFY_IDENTITY, or leave the authority out",
    };
  };

/** A client's certificate comes with a key; Prisma's, without one, is the server's authority. */
const certificate: ReadMeaning = (value, connection, key) => {
  if (paramOf(connection, "sslkey") !== null) return fileAs("--ssl-cert")(value, connection, key);
  const accepts = paramOf(connection, "sslaccept");
  if (accepts === "strict") return authority("--ssl-ca")(value, connection, key);
  if (accepts !== null) return {};
  return {
    problem: "stands without ssl-key",
    hint: "a client's certificate needs its key too, ssl-key=FILE; the server's authority is ssl-ca=FILE",
  };
};

const privateKey: ReadMeaning = (value, connection, key) =>
  paramOf(connection, "sslcert") === null
    ? { problem: "stands without ssl-cert", hint: "a client's key needs its certificate too, ssl-cert=FILE" }
    : fileAs("--ssl-key")(value, connection, key);

/** `ssl=…` is a switch, a mode, an object in JSON (mysql2, PlanetScale), or a name that a driver has in its code. */
const sslSwitch: ReadMeaning = (value, connection, key) => {
  const state = asBoolean(value);
  if (state !== null) return state ? { least: "require" } : exactly("off");
  if (value.trimStart().startsWith("{")) return sslObject(value, connection, key);
  return oneOf(modes, {
    problem: "names a bundle of certificates that a driver has in its code",
    hint: "write ssl-mode=VERIFY_IDENTITY&ssl-ca=/path/to/bundle.pem (of Amazon RDS it is https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem)",
  })(value, connection, key);
};

const sslObject: ReadMeaning = (value, connection, key) => {
  const refused: Meaning = {
    problem: "holds an object that the client programs have no options for",
    hint: instead,
  };
  const wish = jsonObject(value);
  if (wish === null) return refused;
  const { rejectUnauthorized = true, verifyIdentity, minVersion, servername, ca, ...rest } = wish;
  const isHost = servername === undefined || servername === connection.hosts[0]?.host;
  if (Object.keys(rest).length > 0 || !isHost || typeof rejectUnauthorized !== "boolean") return refused;
  const version = minVersion === undefined ? {} : tlsVersionsFrom(minVersion);
  if (version === null) return refused;
  if (!rejectUnauthorized) return ca === undefined ? { ...exactly("require"), sets: version } : refused;
  if (ca === undefined) return { least: "full", sets: version };
  if (typeof ca !== "string") return refused;
  return fileAs("--ssl-ca", { least: verifyIdentity === true ? "full" : "ca", sets: version })(
    ca,
    connection,
    key,
  );
};

function jsonObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : null;
  } catch {
    // Half an object says nothing that could be understood.
    return null;
  }
}

function tlsVersionsFrom(lowest: unknown): Readonly<Record<string, string>> | null {
  if (lowest === "TLSv1.2") return { "--tls-version": "TLSv1.2,TLSv1.3" };
  return lowest === "TLSv1.3" ? { "--tls-version": "TLSv1.3" } : null;
}

/** MariaDB's client checks from 11.4 on unless it is told not to; beside a mode the wish asks for no TLS of its own. */
function notVerified(connection: Connection): Meaning {
  const hasMode = ["sslmode", "ssl", "tls", "usessl", "skipssl"].some((name) => paramOf(connection, name));
  return hasMode ? { most: "require" } : { least: "prefer", most: "require" };
}

/** What a URI may say of TLS, in the words of all drivers. */
export const tlsRows: readonly ParamRow[] = [
  ["sslmode", oneOf({ ...modes, "": { warning: "is empty and is left out" } }, noMode)],
  ["ssl", sslSwitch],
  [
    "tls",
    oneOf(
      {
        true: { least: "full" },
        1: { least: "full" },
        "skip-verify": exactly("require"),
        preferred: exactly("prefer"),
        false: exactly("off"),
        0: exactly("off"),
        "": { problem: "is empty", hint: "write tls=true or tls=false, or leave it out" },
      },
      {
        problem: "names a configuration that the program has in its code",
        hint: "write ssl-mode=VERIFY_IDENTITY, and ssl-ca=FILE for an authority of your own",
      },
    ),
  ],
  ["allowfallbacktoplaintext", either(exactly("prefer"), {})],
  ["usessl", either({ least: "require" }, exactly("off"))],
  ["requiressl", either({ least: "require" }, {})],
  ["ssldisabled", either(exactly("off"), {})],
  ["verifyservercertificate", either({ least: "ca" }, { most: "require" })],
  [
    "sslverifyservercert",
    (value, connection, key) => either({ least: "full" }, notVerified(connection))(value, connection, key),
  ],
  [
    "skipsslverifyservercert disablesslverifyservercert",
    (value, connection, key) => either(notVerified(connection), {})(value, connection, key),
  ],
  ["skipssl disablessl", either(exactly("off"), {})],
  ["sslverifycert", either({ least: "ca" }, {})],
  ["sslverifyidentity sslcheckhostname sslverify verifyidentity", either({ least: "full" }, {})],
  ["trustservercertificate", either(exactly("require"), {})],
  ["disablesslhostnameverification", either({ most: "ca", sets: { [nameUnchecked]: "unchecked" } }, {})],
  [
    "sslaccept",
    oneOf(
      { strict: { least: "full" }, "accept-invalid-certs": exactly("require") },
      { ...noMode, hint: instead },
    ),
  ],
  ["sslca sslrootcert serversslcert", authority("--ssl-ca")],
  ["sslcapath", authority("--ssl-capath")],
  ["sslcert", certificate],
  ["sslkey", privateKey],
  ["sslcipher", passedAs("--ssl-cipher")],
  ["sslcrl", fileAs("--ssl-crl")],
  ["sslcrlpath", fileAs("--ssl-crlpath")],
  ["tlsversion tlsversions enabledtlsprotocols enabledsslprotocolsuites", passedAs("--tls-version")],
  ["tlsciphersuites", passedAs("--tls-ciphersuites")],
  [
    "enabledsslciphersuites",
    { problem: "names ciphers as Java does", hint: "ssl_cipher=… names them as OpenSSL does" },
  ],
  [
    "sslpassword sslkeypassword",
    {
      problem: "is the password of a client's key, and the client programs have no option for it",
      hint: "openssl pkey -in key.pem -out plain.pem takes the password off",
    },
  ],
  [
    "sslidentity trustcertificatekeystore* clientcertificatekeystore* truststore* keystore* keypassword",
    keystore,
  ],
  ["fallbacktosystemtruststore", either({}, { problem: "leaves no authority to check by", hint: instead })],
  ["fallbacktosystemkeystore", either(keystore, {})],
  [
    "sslfipsmode",
    oneOf({ off: {}, "0": {} }, { problem: "is not supported any more", hint: "leave it out" }),
  ],
];
