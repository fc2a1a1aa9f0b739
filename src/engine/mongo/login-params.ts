import { type Meaning, type ParamRow, paramOf, type ReadMeaning } from "../params.ts";
import { passedAs } from "../param-rows.ts";

const mechanisms = [
  "SCRAM-SHA-1",
  "SCRAM-SHA-256",
  "PLAIN",
  "GSSAPI",
  "MONGODB-X509",
  "MONGODB-AWS",
  "MONGODB-OIDC",
];

/** mongodump compares these words exactly, and refuses `DEFAULT`, which says the same as nothing. */
const mechanism: ReadMeaning = (value, { password }) => {
  const word = value.toUpperCase();
  if (word === "" || word === "DEFAULT") return {};
  if (word === "MONGODB-CR")
    return { problem: "is MONGODB-CR, which is gone", hint: "write SCRAM-SHA-1, or leave it out" };
  if (!mechanisms.includes(word)) return { problem: `is none of ${mechanisms.join(", ")}` };
  if (/X509|OIDC/.test(word) && password !== null)
    return {
      problem: "is a way to log in without a password, and there is one",
      hint: "leave the password out",
    };
  return { sets: { authMechanism: word } };
};

/** Properties of each mechanism that mongodump heeds; others it refuses, or passes over. */
const propertiesOf: Readonly<Record<string, RegExp>> = {
  "MONGODB-AWS": /^AWS_SESSION_TOKEN$/,
  GSSAPI: /^SERVICE_NAME$/,
  "MONGODB-OIDC": /^(ENVIRONMENT|TOKEN_RESOURCE)$/,
};

const properties: ReadMeaning = (value, connection) => {
  const known = propertiesOf[paramOf(connection, "authmechanism")?.toUpperCase() ?? ""];
  if (value === "") return {};
  const kept: string[] = [];
  for (const pair of value.split(",")) {
    const [name = "", setting = ""] = pair.split(/:(.*)/s);
    if (known?.test(name) === true) kept.push(pair);
    // The same as without them.
    else if (
      !/^(CANONICALIZE_HOST_NAME|SERVICE_REALM|SERVICE_HOST):(false|none|)$/i.test(`${name}:${setting}`)
    )
      return unknownProperty;
  }
  return kept.length === 0 ? {} : { sets: { authMechanismProperties: kept.join(",") } };
};

const unknownProperty: Meaning = {
  problem: "holds a property that mongodump does not heed",
  hint: "it knows AWS_SESSION_TOKEN of MONGODB-AWS, SERVICE_NAME of GSSAPI, ENVIRONMENT and TOKEN_RESOURCE of MONGODB-OIDC",
};

/** What a URI may say of how the user logs in. */
export const loginRows: readonly ParamRow[] = [
  ["authmechanism", mechanism],
  ["authmechanismproperties", properties],
  ["authsource", (value, ...more) => (value === "" ? {} : passedAs("authSource")(value, ...more))],
  ["gssapiservicename", (value) => ({ sets: { authMechanismProperties: `SERVICE_NAME:${value}` } })],
];
