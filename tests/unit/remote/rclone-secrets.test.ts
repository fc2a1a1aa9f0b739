import { expect, test } from "bun:test";
import {
  configFileSecrets,
  environmentSecrets,
  isSecretKey,
  secretsOf,
} from "../../../src/remote/rclone-secrets.ts";

/** What `rclone obscure hunter2!` has printed. */
const obscured = "GqqqzLbZo36l8xG-SDn5JdWlB0wEyeE0";

test.each(
  "pass password password2 api_password mailbox_password key_file_pass secret_access_key session_token client_secret token api_key key master_keys service_account_credentials sas_url connection_string bearer_token key_pem auth_token headers cookies mnemonic access_grant passphrase sse_customer_key sse_customer_key_base64 library_key otp_secret_key access_key_id storj_api_key".split(
    " ",
  ),
)("%s holds a secret", (key) => {
  expect(isSecretKey(key)).toBe(true);
});

test.each(
  "type user host endpoint url auth_url token_url token_expiry key_file key_use_agent env_auth v2_auth client_id client_credentials pass_bad_blocks ask_password use_cookies host_key_algorithms pin_host_key public_key sse_kms_key_id sse_customer_key_md5 bearer_token_command bypass_governance_retention upload_cutoff shared_credentials_file seafile_2fa".split(
    " ",
  ),
)("%s holds none", (key) => {
  expect(isSecretKey(key)).toBe(false);
});

test.each<[string, [string, string][], string[]]>([
  ["a URL's user part", [["url", "https://joe:Hunter2%zz@h/x"]], ["Hunter2%zz"]],
  ["an encoded one", [["url", "https://joe:a%2Fb@h"]], ["a%2Fb", "a/b"]],
  ["a remote within a remote", [["remote", `:sftp,host=h,pass="p,w":x`]], ["p,w"]],
  ["one within that", [["remote", `x,remote=":sftp,user=joe,pass=""p,w""":y`]], ["p,w", "joe:p,w"]],
  [
    "a user and a password",
    [
      ["user", "joe"],
      ["pass", "p4ss"],
    ],
    ["p4ss", "joe:p4ss"],
  ],
  [
    "a token",
    [["token", `{"access_token":"ya29","token_type":"Bearer","refresh_token":"1//x"}`]],
    ["ya29", "1//x"],
  ],
  ["a key with line ends", [["key_pem", "-----BEGIN-----\\nabc\\nd=\\n"]], ["abc", "d="]],
  ["headers", [["headers", "Cookie,sid=1,Authorization,Token x1"]], ["sid=1", "Token x1"]],
  ["a proxy without a scheme", [["socks_proxy", "joe:p/w@h:1"]], ["p/w"]],
  ["a proxy's flag", [["ftp_socks_proxy", "joe:pw@h:1"]], ["pw"]],
  ["a proxy with one", [["http_proxy", "http://joe:a%2Fb@h:1"]], ["a%2Fb", "a/b"]],
  ["a proxy within", [["remote", `:sftp,socks_proxy="joe:pw@h:1":x`]], ["pw"]],
  ["sshpass", [["ssh", "sshpass -v -p p4ss ssh joe@h"]], ["p4ss"]],
  ["sshpass in one word", [["ssh", `sshpass "-pp4 ss" ssh`]], ["p4 ss"]],
  ["a proxy without a user", [["socks_proxy", "h:1"]], []],
  ["a program without a password", [["ssh", "ssh -p 22 joe@h"]], []],
  [
    "nothing",
    [
      ["pass", "true"],
      ["env_auth", "true"],
      ["type", "s3"],
    ],
    [],
  ],
])("secrets of %s", (_, entries, secrets) => {
  const found = secretsOf(entries);
  expect(found).toEqual(expect.arrayContaining(secrets));
  if (secrets.length === 0) expect(found).toEqual([]);
});

test("an obscured password is a secret in clear, too, and beside its user", () => {
  const found = secretsOf([
    ["user", "joe"],
    ["pass", obscured],
  ]);
  expect(found).toEqual([obscured, "hunter2!", `joe:${obscured}`, "joe:hunter2!"]);
});

test("secrets of an rclone.conf", () => {
  const text =
    "# url = https://u:commented@h\n[a]\ntype = s3\naccess_key_id = id1\nsecret_access_key: s1\nkey_file = /k\n" +
    "[b]\npass = s2\nchunk_size = 64M\nurl = https://joe:x@h\n" +
    "[c]\nconnection_string = s3\naccess_grant = s4\nsas_url = s5\nsas = s6\ndisable_checksum = true\n";
  expect(configFileSecrets(text).toSorted()).toEqual(
    ["commented", "id1", "s1", "s2", "s3", "s4", "s5", "s6", "x"].toSorted(),
  );
  expect(configFileSecrets("# Encrypted\nRCLONE_ENCRYPT_V0:\nabc=")).toEqual([]);
});

test("variables that are secrets", () => {
  const env = {
    AWS_SECRET_ACCESS_KEY: "s1",
    AWS_SESSION_TOKEN: "s2",
    RCLONE_CONFIG_X_PASS: "s3",
    RCLONE_CONFIG_X_KEY_PEM: "s4",
    RCLONE_CONFIG_X_CLIENT_SECRET: "s5",
    RCLONE_CONFIG_PASS: "s6",
    AZURE_STORAGE_ACCOUNT_KEY: "s7",
    PGPASSWORD: "s8",
    RCLONE_CONFIG_X_TOKEN: "s9",
    RCLONE_SFTP_PASS: "s10",
    AZURE_STORAGE_CONNECTION_STRING: "s11",
    RCLONE_CONFIG_X_CONNECTION_STRING: "s12",
    RCLONE_STORJ_ACCESS_GRANT: "s13",
    RCLONE_CONFIG_X_SAS_URL: "s14",
    RCLONE_CONFIG_X_HEADERS: "s15",
    RCLONE_HEADER: "s16",
    RCLONE_PASSWORD_COMMAND: "s17",
    HTTPS_PROXY: "http://joe:s18@p",
    http_proxy: "http://s19@p",
    RCLONE_CONFIG_DAV_URL: "https://joe:s20@h",
    RCLONE_HTTP_PROXY: "http://joe:s21@p",
    DATABASE_URL: "postgres://joe:s22@h/x",
    RCLONE_CONFIG_Y_REMOTE: ":sftp,host=h,pass=s23:x",
    "RCLONE_CONFIG_MY-Z_PASSWORD": "s24",
    // None of these is one.
    PWD: "/home",
    HOME: "/root",
    RCLONE_CONFIG_X_KEY_FILE: "/k",
    SSH_ASKPASS: "/x",
    RCLONE_CONFIG_X_ENV_AUTH: "true",
    RCLONE_CONFIG_KEY_TYPE: "s3",
    RCLONE_CONFIG_KEY_ENDPOINT: "https://h",
    GITHUB_TOKEN: "",
    GIT_URL: "ssh://git@h/x",
  };
  const expected = Array.from({ length: 24 }, (_, index) => `s${index + 1}`);
  expect(environmentSecrets(env).toSorted()).toEqual(expected.toSorted());
});
