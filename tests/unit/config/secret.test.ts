import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { redactor, urlSecretsIn } from "../../../src/config/secret.ts";

describe("a secret is found", () => {
  const value = "p!@s's(w)*ö d/";
  test.each([
    ["as it is", value],
    ["as encodeURIComponent writes it", encodeURIComponent(value)],
    ["as encodeURI writes it", encodeURI(value)],
    ["with all of RFC 3986's reserved characters encoded", "p%21%40s%27s%28w%29%2A%C3%B6%20d%2F"],
    ["with lower-case digits", "p%21%40s%27s%28w%29%2a%c3%b6%20d%2f"],
    ["as a form writes it", "p%21%40s%27s%28w%29*%C3%B6+d%2F"],
    ["with some characters encoded and some not", "p!%40s's(w)*%C3%B6%20d/"],
  ])("%s", (_, text) => {
    expect(redactor([value])(`before ${text} after`)).toBe("before [secret] after");
  });

  test("in JSON, and when it ends in half a surrogate pair", () => {
    expect(redactor(['a"b\\c'])('{"x":"a\\"b\\\\c"}')).toBe('{"x":"[secret]"}');
    expect(redactor(["half\ud83d"])("half\ud83d!")).toBe("[secret]!");
  });

  test("whatever it is made of, in whichever case it is encoded", () => {
    const seed = Number(process.env["TEST_SEED"] ?? crypto.getRandomValues(new Int32Array(1))[0]);
    console.log(`redaction property: TEST_SEED=${seed}`);
    const secret = fc
      .string({ minLength: 4, maxLength: 20, unit: "grapheme" })
      .filter((text) => !"[secret]".includes(text));
    fc.assert(
      fc.property(secret, (text) => {
        const encoded = encodeURIComponent(text);
        const lower = encoded.replace(/%../g, (hex) => hex.toLowerCase());
        for (const form of [text, encoded, lower]) expect(redactor([text])(form)).not.toContain(form);
      }),
      { seed },
    );
  });

  test("short values are not searched for", () => {
    expect(redactor(["abc", ""])("abcabc")).toBe("abcabc");
  });
});

describe("the secret parts of a secret", () => {
  const key = "c2VjcmV0LWtleS1vZi1hLXRlc3Q=";
  const connection = `DefaultEndpointsProtocol=https;AccountName=backups;AccountKey=${key};EndpointSuffix=example.net`;

  test("of a connection string are its keys, not its harmless parts", () => {
    const redact = redactor([connection]);
    expect(redact(connection)).toBe("[secret]");
    expect(redact(`https://backups.example.net said ${key}`)).toBe(
      "https://backups.example.net said [secret]",
    );
  });

  test("of a signed address is its signature, under another path too", () => {
    const redact = redactor(["https://backups.example.net/box?sv=2026-01-01&sig=aB3%2Fx9Qz"]);
    expect(redact("GET https://backups.example.net/box/app.sql?sig=aB3%2Fx9Qz")).toBe(
      "GET https://backups.example.net/box/app.sql?sig=[secret]",
    );
  });

  test("is not the path of a client key", () => {
    const redact = redactor(["postgresql://backup:hunter22@db/shop?sslmode=require&sslkey=/keys/client.key"]);
    expect(redact("can't load /keys/client.key")).toBe("can't load /keys/client.key");
  });

  test("of a text of many lines are its longer lines", () => {
    expect(redactor(["-----\nMIIEowIBAAKCAQ\nend"])("saw MIIEowIBAAKCAQ at the end")).toBe(
      "saw [secret] at the end",
    );
  });
});

describe("before the host of a URL", () => {
  test.each<[string, string[]]>([
    ["https://joe:hunter22@host/x", ["hunter22"]],
    ["https://token22@host/x", ["token22"]],
    ["http://token22@proxy:3128", ["token22"]],
    ["postgresql://joe:p%40ss@db/shop", ["p%40ss", "p@ss"]],
    ["postgresql://joe@db/shop", []],
    ["POSTGRES://joe@db/shop", []],
    ["mysql://joe@db/shop", []],
    ["mongodb+srv://joe@db/shop", []],
    ["redis://hunter22@db", ["hunter22"]],
  ])("%s holds the secrets %j", (text, secrets) => {
    expect(urlSecretsIn(text)).toEqual(secrets);
  });

  test("a database's user stays legible in what tools say", () => {
    const redact = redactor(["postgresql://backup@db/shop"]);
    expect(redact('role "backup" does not exist')).toBe('role "backup" does not exist');
    expect(redact("postgresql://backup@db/shop")).toBe("[secret]");
  });
});
