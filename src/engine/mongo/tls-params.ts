import type { Connection } from "../connection.ts";
import { type Meaning, type ParamRow, paramOf, type ReadMeaning } from "../params.ts";
import { asBoolean, either, fileAs, oneOf, passedAs } from "../param-rows.ts";

/** How security is asked of mongodump. */
export const instead =
  "write what is meant as MongoDB's manual does: tls=true and tlsCAFile=FILE; tlsInsecure=true checks nothing";

const on: Meaning = { sets: { tls: "true" } };
const insecure: Meaning = { sets: { tlsInsecure: "true" } };

/** Parameters of any driver that switch both checks off, and the value that does. */
const uncheckedBy: readonly (readonly [name: string, value: boolean | RegExp])[] = [
  ["tlsinsecure", true],
  ["sslinsecure", true],
  ["tlsallowinvalidcertificates", true],
  ["sslallowinvalidcertificates", true],
  ["sslvalidate", false],
  ["sslverifycertificate", false],
  ["sslcertreqs", /none$/i],
];

function isUnchecked(connection: Connection): boolean {
  return uncheckedBy.some(([name, wanted]) => {
    const value = paramOf(connection, name);
    if (value === null) return false;
    return typeof wanted === "boolean" ? asBoolean(value) === wanted : wanted.test(value);
  });
}

/** A tunnel's near end: who is at the other one the tunnel has made sure of. */
const thisHost = /^(localhost|127(\.\d+){3}|::1|host\.docker\.internal)$/i;

/** Go has no check of the authority without one of the name. */
const nameUnchecked =
  (onValue: boolean): ReadMeaning =>
  (value, connection, key) => {
    if (asBoolean(value) !== onValue || isUnchecked(connection))
      return either({}, {})(value, connection, key);
    if (connection.hosts.length > 0 && connection.hosts.every(({ host }) => thisHost.test(host)))
      return {
        ...insecure,
        warning:
          "is read as tlsInsecure=true, as for a tunnel's near end: mongodump can't check the authority without the name",
      };
    return {
      problem:
        "can't be honoured: mongodump leaves out the check of the name with that of the authority alone",
      hint: "name the host as the certificate does; or tlsInsecure=true, which checks neither",
    };
  };

/** One of two files that make a certificate together. */
const half =
  (option: string, ...others: readonly string[]): ReadMeaning =>
  (value, connection, key) =>
    others.some((other) => paramOf(connection, other) !== null)
      ? fileAs(option)(value, connection, key)
      : {
          problem: "stands alone",
          hint: "a client's certificate and its key are tlsCertificateFile and tlsPrivateKeyFile, or one file: tlsCertificateKeyFile",
        };

/** What a URI may say of TLS, in the words of all drivers. */
export const tlsRows: readonly ParamRow[] = [
  [
    "tls ssl",
    (value, connection, key) =>
      value.toLowerCase() === "require" ? on : either(on, { sets: { tls: "false" } })(value, connection, key),
  ],
  ["tlscafile sslcertificateauthorityfile sslcafile sslcacerts sslca", fileAs("tlsCAFile")],
  [
    "tlscertificatekeyfile sslclientcertificatekeyfile sslpemkeyfile sslpemfile",
    fileAs("tlsCertificateKeyFile"),
  ],
  [
    "tlscertificatekeyfilepassword sslclientcertificatekeypassword sslpemkeypassword sslpempassphrase sslpass",
    passedAs("tlsCertificateKeyFilePassword"),
  ],
  [
    "tlscertificatefile sslcertfile sslcert",
    half("tlsCertificateFile", "tlsprivatekeyfile", "sslkeyfile", "sslkey"),
  ],
  [
    "tlsprivatekeyfile sslkeyfile sslkey",
    half("tlsPrivateKeyFile", "tlscertificatefile", "sslcertfile", "sslcert"),
  ],
  ["tlsinsecure sslinsecure", either(insecure, {})],
  ["tlsallowinvalidcertificates sslallowinvalidcertificates", either(insecure, {})],
  ["sslvalidate sslverifycertificate", either({}, insecure)],
  [
    "sslcertreqs",
    oneOf(
      {
        "cert-none": insecure,
        none: insecure,
        "ssl.cert-none": insecure,
        "cert-required": {},
        required: {},
        "ssl.cert-required": {},
      },
      { problem: "must be CERT_REQUIRED or CERT_NONE" },
    ),
  ],
  ["tlsallowinvalidhostnames sslallowinvalidhostnames", nameUnchecked(true)],
  ["sslmatchhostname checkserveridentity", nameUnchecked(false)],
  [
    "tlsdisableocspendpointcheck tlsdisablecertificaterevocationcheck",
    either({ sets: { tlsDisableOCSPEndpointCheck: "true" } }, {}),
  ],
  [
    "tlscrlfile sslcrlfile",
    { problem: "names revoked certificates, which mongodump can't look at", hint: "leave it out" },
  ],
  ["tlsfipsmode", either({ problem: "is not supported by mongodump", hint: "leave it out" }, {})],
  ["tlsusesystemca", either({}, {})],
];
