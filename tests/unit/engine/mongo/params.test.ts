import { describe, expect, test } from "bun:test";
import { mongo } from "../../../../src/engine/mongo/mongo.ts";
import { requestOf, streamPaths } from "../dump-request.ts";
import { reviewOf } from "../review-of.ts";

/** The query of the URI that mongodump is given. */
function given(uri: string): string {
  const [file] = mongo.dumpCommand(requestOf(uri), streamPaths).files;
  return (JSON.parse(file?.content.reveal() ?? "{}") as { uri: string }).uri.split("?")[1] ?? "";
}

describe("understood, without a word", () => {
  test.each([
    ["tls=1", "tls=true"],
    ["ssl=TRUE", "tls=true"],
    ["tls=require", "tls=true"],
    ["ssl=false", "tls=false"],
    ["tls=true&sslCAFile=/ca.pem", "tls=true&tlsCAFile=%2Fca.pem"],
    ["ssl_ca_certs=/a+b", "tlsCAFile=%2Fa%2Bb"],
    [
      "sslClientCertificateKeyFile=/c&sslPEMKeyPassword=p",
      "tlsCertificateKeyFile=%2Fc&tlsCertificateKeyFilePassword=p",
    ],
    ["tlsCertificateFile=/c&tlsPrivateKeyFile=/k", "tlsCertificateFile=%2Fc&tlsPrivateKeyFile=%2Fk"],
    ["tlsInsecure=1", "tlsInsecure=true"],
    ["tls=true&tlsAllowInvalidCertificates=true", "tls=true&tlsInsecure=true"],
    ["ssl_cert_reqs=CERT_NONE", "tlsInsecure=true"],
    ["sslValidate=false&checkServerIdentity=false", "tlsInsecure=true"],
    ["sslValidate=true&tlsAllowInvalidHostnames=false&tlsUseSystemCA=true", ""],
    ["tlsInsecure=true&tlsAllowInvalidHostnames=true", "tlsInsecure=true"],
    ["tlsDisableCertificateRevocationCheck=true", "tlsDisableOCSPEndpointCheck=true"],
    ["authMechanism=DEFAULT", ""],
    ["authMechanism=", ""],
    ["authMechanism=scram-sha-256&authSource=admin", "authMechanism=SCRAM-SHA-256&authSource=admin"],
    ["authMechanism=plain&authSource=$external", "authMechanism=PLAIN&authSource=%24external"],
    [
      "authMechanism=MONGODB-AWS&authMechanismProperties=AWS_SESSION_TOKEN:a/b",
      "authMechanism=MONGODB-AWS&authMechanismProperties=AWS_SESSION_TOKEN%3Aa%2Fb",
    ],
    [
      "authMechanism=GSSAPI&authMechanismProperties=SERVICE_NAME:x,CANONICALIZE_HOST_NAME:false",
      "authMechanism=GSSAPI&authMechanismProperties=SERVICE_NAME%3Ax",
    ],
    ["gssapiServiceName=x", "authMechanismProperties=SERVICE_NAME%3Ax"],
    ["replicaSet=rs0&readPreference=secondarypreferred", "replicaSet=rs0&readPreference=secondaryPreferred"],
    [
      "readPreference=nearest&readPreferenceTags=dc:a&readPreferenceTags=&maxStalenessSeconds=120",
      "readPreference=nearest&maxStalenessSeconds=120&readPreferenceTags=dc%3Aa&readPreferenceTags=",
    ],
    ["slaveOk=true", "readPreference=secondaryPreferred"],
    ["maxStalenessSeconds=-1&authSource=", ""],
    ["directConnection=True", "directConnection=true"],
    ["connect=direct", "directConnection=true"],
    ["connect=replicaSet&directConnection=false", ""],
    ["loadBalanced=true", "loadBalanced=true"],
    ["readConcernLevel=MAJORITY", "readConcernLevel=majority"],
    ["retryWrites=1&w=majority&journal=1&appName=secure-app&compressors=zstd&maxPoolSize=", ""],
    ["database=db", ""],
  ])("%s", (query, expected) => {
    const uri = `mongodb://h/db?${query}`;
    expect(reviewOf(mongo, uri)).toEqual({ problems: [], warnings: [] });
    expect(given(uri).split("&").toSorted()).toEqual(expected.split("&").toSorted());
  });
});

test.each([
  ["connectTimeoutMS=10000", "reads it as seconds"],
  ["socketTimeoutMS=1", "reads it as seconds"],
  ["foo=1", "the parameter foo is unknown to mongodump and is left out"],
  ["tlsCAFile=", "is empty and is left out"],
])("left out with a warning: %s", (query, words) => {
  const uri = `mongodb://h/db?${query}`;
  expect(given(uri)).toBe("");
  expect(reviewOf(mongo, uri)).toEqual({ problems: [], warnings: [expect.stringContaining(words)] });
});

describe("refused", () => {
  test.each([
    ["mongodb://h/db?tls=maybe", "tls must be true or false"],
    ["mongodb://h/db?tls=true&ssl=false", "tls and ssl contradict each other"],
    ["mongodb://h/db?tls=false&tlsCAFile=/ca", "tlsCAFile is about TLS, and TLS is switched off"],
    ["mongodb://h/db?tlsAllowInvalidHostnames=true", "can't be honoured"],
    ["mongodb://h/db?ssl_match_hostname=false", "can't be honoured"],
    ["mongodb://h/db?tlsCertificateFile=/c", "stands alone"],
    ["mongodb://h/db?tlsCRLFile=/c", "revoked certificates"],
    ["mongodb://h/db?tlsFIPSMode=true", "is not supported by mongodump"],
    ["mongodb://h/db?authMechanism=MONGODB-CR", "is gone"],
    ["mongodb://h/db?authMechanism=LOUD", "is none of"],
    ["mongodb://u:p@h/db?authMechanism=MONGODB-X509", "without a password"],
    ["mongodb://h/db?authMechanismProperties=SERVICE_NAME:x", "does not heed"],
    ["mongodb://h/db?authMechanism=GSSAPI&authMechanismProperties=SERVICE_REALM:x", "does not heed"],
    ["mongodb://h1,h2/db?directConnection=true", "the URI names several"],
    ["mongodb+srv://h/db?directConnection=true", "the URI names several"],
    ["mongodb://h1,h2/db?loadBalanced=true", "loadBalanced takes one host"],
    ["mongodb://h/db?loadBalanced=true&replicaSet=a", "exclude each other"],
    ["mongodb://h/db?srvMaxHosts=2", "belongs to a mongodb+srv:// URI"],
    ["mongodb+srv://h/db?srvMaxHosts=2&replicaSet=a", "exclude each other"],
    ["mongodb://h/db?readPreference=loud", "is none of primary"],
    ["mongodb://h/db?readPreferenceTags=a:b", "says nothing without a readPreference"],
    ["mongodb://h/db?readConcernLevel=loud", "is none of local"],
    ["mongodb://h/db?database=other", "names another database"],
    ["mongodb://h/db?proxyHost=x", "a tunnel or proxy"],
    ["mongodb://h/db?proxyPassword=s3cret", "a tunnel or proxy"],
    ["mongodb://h/db?sslFoo=1", "speaks of security"],
  ])("%s", (uri, words) => {
    expect(reviewOf(mongo, uri).problems).toContainEqual(expect.stringContaining(words));
  });
});

test("files that a URI names are told", () => {
  const uri = "mongodb://h/db?tlsCAFile=/ca&tlsCertificateKeyFile=/k";
  expect(mongo.namedFiles(requestOf(uri)).map(({ path }) => path)).toEqual(["/ca", "/k"]);
});

test("through a tunnel's near end the name is left unchecked as far as mongodump can, with a warning", () => {
  const uri = "mongodb://u:p@localhost:27017,127.0.0.1:27018/db?tls=true&tlsAllowInvalidHostnames=true";
  const { problems, warnings } = reviewOf(mongo, uri);
  expect(problems).toEqual([]);
  expect(warnings).toEqual([
    expect.stringMatching(
      /^DB_URI \(--db-uri\): the parameter tlsAllowInvalidHostnames is read as tlsInsecure=true/,
    ),
  ]);
  expect(reviewOf(mongo, uri.replace("127.0.0.1", "db")).problems).toHaveLength(1);
});
