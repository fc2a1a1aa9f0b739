import { describe, expect, test } from "bun:test";
import { mysql } from "../../../../src/engine/mysql/mysql.ts";
import { requestOf, streamPaths } from "../dump-request.ts";
import { reviewOf } from "../review-of.ts";
import { maria, oracle } from "./parts.ts";

const bundle = { ...streamPaths, caBundle: "/sys.pem" };
const review = (query: string) => reviewOf(mysql, `mysql://h/db?${query}`);

function given(query: string, client: typeof oracle): string {
  const { args } = mysql.dumpCommand(requestOf(`mysql://h/db?${query}`), bundle, client);
  return args.slice(3, args.indexOf("--single-transaction")).join(" ");
}

const [must, checked] = ["--ssl --skip-ssl-verify-server-cert", "--ssl --ssl-verify-server-cert"];

describe("understood, without a word", () => {
  test.each([
    [
      "ssl-mode=VERIFY_IDENTITY",
      "--ssl-mode=VERIFY_IDENTITY --ssl-ca=/sys.pem",
      `${checked} --ssl-ca=/sys.pem`,
    ],
    ["ssl=true&ssl_ca=/x", "--ssl-mode=VERIFY_CA --ssl-ca=/x", `${checked} --ssl-ca=/x`],
    ["ssl-capath=/d", "--ssl-mode=VERIFY_CA --ssl-capath=/d", `${checked} --ssl-capath=/d`],
    ["sslmode=no-verify", "--ssl-mode=REQUIRED", must],
    [
      "ssl=%7B%22rejectUnauthorized%22:true%7D",
      "--ssl-mode=VERIFY_IDENTITY --ssl-ca=/sys.pem",
      `${checked} --ssl-ca=/sys.pem`,
    ],
    [
      "ssl=%7B%22minVersion%22:%22TLSv1.2%22,%22servername%22:%22h%22%7D",
      "--ssl-mode=VERIFY_IDENTITY --ssl-ca=/sys.pem --tls-version=TLSv1.2,TLSv1.3",
      `${checked} --ssl-ca=/sys.pem --tls-version=TLSv1.2,TLSv1.3`,
    ],
    ["ssl=%7B%22rejectUnauthorized%22:false%7D", "--ssl-mode=REQUIRED", must],
    ["ssl=%7B%22ca%22:%22/x%22%7D", "--ssl-mode=VERIFY_CA --ssl-ca=/x", `${checked} --ssl-ca=/x`],
    ["tls=true", "--ssl-mode=VERIFY_IDENTITY --ssl-ca=/sys.pem", `${checked} --ssl-ca=/sys.pem`],
    ["tls=preferred&allowFallbackToPlaintext=true", "--ssl-mode=PREFERRED", must],
    ["requireSSL=false", "", ""],
    ["verifyServerCertificate=false", "", ""],
    ["ssl-verify-server-cert=false", "--ssl-mode=PREFERRED", must],
    ["--ssl-verify-server-cert=0", "--ssl-mode=PREFERRED", must],
    ["skip-ssl-verify-server-cert", "--ssl-mode=PREFERRED", must],
    ["ssl-mode=DISABLED&ssl-verify-server-cert=false", "--ssl-mode=DISABLED", "--skip-ssl"],
    ["skip-ssl", "--ssl-mode=DISABLED", "--skip-ssl"],
    ["ssl=true&ssl_verify_server_cert=0", "--ssl-mode=REQUIRED", must],
    [
      "ssl-verify-server-cert=1",
      "--ssl-mode=VERIFY_IDENTITY --ssl-ca=/sys.pem",
      `${checked} --ssl-ca=/sys.pem`,
    ],
    ["useSSL=true&verifyServerCertificate=false", "--ssl-mode=REQUIRED", must],
    ["trustServerCertificate=true", "--ssl-mode=REQUIRED", must],
    ["sslaccept=strict&sslcert=/ca", "--ssl-mode=VERIFY_IDENTITY --ssl-ca=/ca", `${checked} --ssl-ca=/ca`],
    [
      "sslmode=require&sslaccept=strict",
      "--ssl-mode=VERIFY_IDENTITY --ssl-ca=/sys.pem",
      `${checked} --ssl-ca=/sys.pem`,
    ],
    ["sslaccept=accept_invalid_certs", "--ssl-mode=REQUIRED", must],
    ["ssl_disabled=true", "--ssl-mode=DISABLED", "--skip-ssl"],
    ["ssl_disabled=false", "", ""],
    ["ssl_verify_cert=true&ssl_ca=/x", "--ssl-mode=VERIFY_CA --ssl-ca=/x", `${checked} --ssl-ca=/x`],
    [
      "ssl_verify_identity=true&ssl_ca=/x",
      "--ssl-mode=VERIFY_IDENTITY --ssl-ca=/x",
      `${checked} --ssl-ca=/x`,
    ],
    [
      "sslMode=VERIFY_CA&disableSslHostnameVerification=true&ssl-ca=/x",
      "--ssl-mode=VERIFY_CA --ssl-ca=/x",
      `${checked} --ssl-ca=/x`,
    ],
    ["enabledTLSProtocols=TLSv1.3", "--tls-version=TLSv1.3", "--tls-version=TLSv1.3"],
    ["ssl-mode=REQUIRED&ssl-ca=/x", "--ssl-mode=VERIFY_CA --ssl-ca=/x", `${checked} --ssl-ca=/x`],
    ["sslmode=require&ssl-capath=/d", "--ssl-mode=VERIFY_CA --ssl-capath=/d", `${checked} --ssl-capath=/d`],
    ["ssl-mode=REQUIRED&allowCleartextPasswords=1", "--ssl-mode=REQUIRED --enable-cleartext-plugin", must],
    ["serverRSAPublicKeyFile=/k.pem", "--server-public-key-path=/k.pem", ""],
    [
      "defaultAuth=mysql_native_password",
      "--default-auth=mysql_native_password",
      "--default-auth=mysql_native_password",
    ],
    ["usePipelineAuth=true&allowNativePasswords=true&secure_auth=true&allowOldPasswords=false", "", ""],
    ["serverTimezone=UTC&charset=utf8mb4&parseTime=true&connectTimeout=5&compress=true&protocol=tcp", "", ""],
  ])("%s", (query, ofOracle, ofMaria) => {
    expect(review(query)).toEqual({ problems: [], warnings: [] });
    expect(given(query, oracle)).toBe(ofOracle);
    expect(given(query, maria)).toBe(ofMaria);
  });
});

test.each([
  ["foo=1", "the parameter foo is unknown"],
  ["sessionVariables=a%3D1", "the dump sets up its session itself"],
  ["ssl-mode=", "is empty and is left out"],
])("left out with a warning: %s", (query, words) => {
  expect(given(query, oracle)).toBe("");
  expect(review(query)).toEqual({ problems: [], warnings: [expect.stringContaining(words)] });
});

describe("refused", () => {
  test.each([
    ["ssl-mode=loud", "no TLS mode"],
    ["ssl-mode=PREFERRED&ssl-ca=/x", "ssl-ca names an authority, which the client does not look at"],
    ["ssl-mode=DISABLED&ssl-ca=/x", "ssl-ca asks for more TLS than ssl-mode allows"],
    ["useSSL=false&requireSSL=true", "requireSSL asks for more TLS than useSSL allows"],
    ["tls=true&ssl-mode=DISABLED", "tls asks for more TLS than ssl-mode allows"],
    ["tls=true&allowFallbackToPlaintext=true", "tls asks for more TLS than allowFallbackToPlaintext allows"],
    ["ssl=Amazon%20RDS", "ssl names a bundle of certificates"],
    ["ssl=%7B%22pfx%22:%22x%22%7D", "ssl holds an object"],
    ["ssl=%7B%22servername%22:%22other%22%7D", "ssl holds an object"],
    ["ssl=%7B%22rejectUnauthorized%22", "ssl holds an object"],
    ["tls=custom", "tls names a configuration"],
    ["tls=", "tls is empty"],
    ["tls", "tls is empty"],
    ["sslcert=/c", "sslcert stands without ssl-key"],
    ["sslkey=/k", "sslkey stands without ssl-cert"],
    ["sslidentity=/x", "keystore"],
    ["trustCertificateKeyStoreUrl=file:/x", "keystore"],
    ["trustCertificateKeyStorePassword=s3cret", "keystore"],
    ["serverSslCert=classpath:ca.pem", "must be the path of a PEM file"],
    ["ssl_key_password=x", "the password of a client's key"],
    ["enabledSSLCipherSuites=TLS_X", "as Java does"],
    ["allowCleartextPasswords=true", "sends the password in clear, and TLS is not asked for"],
    ["serverPubKey=mykey", "a key that the program has in its code"],
    ["authenticationPlugins=com.x", "in its code"],
    ["allowOldPasswords=true", "an old way to log in"],
    ["read_default_file=/x", "names an option file"],
    ["protocol=pipe", "must be tcp"],
    ["socket=relative", "must be a path"],
    ["useSSL=maybe", "must be true or false"],
    ["socketFactory=x", "Google's connector"],
    ["proxyHost=x", "a tunnel or proxy"],
    ["sslFoo=1", "sslFoo is unknown to the client programs of MySQL and MariaDB, and it speaks of security"],
    ["foo=skip-verify", "speaks of security"],
  ])("%s", (query, words) => {
    expect(review(query).problems).toContainEqual(expect.stringContaining(words));
  });
});

describe("files and authorities", () => {
  test("that a URI names are told", () => {
    const uri = "mysql://h/db?ssl-ca=/ca&ssl-cert=/c&ssl-key=/k&ssl_cipher=X";
    expect(mysql.namedFiles(requestOf(uri)).map(({ path }) => path)).toEqual(["/ca", "/c", "/k"]);
  });

  test.each([
    ["tls=true", null, [], true],
    ["tls=true", "/c", [], false],
    ["tls=true", null, ["--ssl-ca=/x"], false],
    ["ssl-ca=/x", null, [], false],
    ["ssl-mode=REQUIRED", null, [], false],
  ])("for %s with %p and %j", (query, caBundle, extraArgs, isMissing) => {
    const request = requestOf(`mysql://h/db?${query}`, { extraArgs });
    expect(mysql.missingAuthority(request, { caBundle, libpqRoot: null }) !== null).toBe(isMissing);
  });
});
