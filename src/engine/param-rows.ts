import type { Meaning, ParamRow, ReadMeaning } from "./params.ts";

/** Whether a text says yes or no as drivers write it; null for anything else. */
export function asBoolean(value: string): boolean | null {
  if (/^(true|1|yes|on|t|)$/i.test(value)) return true;
  return /^(false|0|no|off|f)$/i.test(value) ? false : null;
}

/** Reads a switch. */
export function either(on: Meaning, off: Meaning): ReadMeaning {
  return (value) => {
    const state = asBoolean(value);
    return state === null ? { problem: "must be true or false" } : state ? on : off;
  };
}

/** Reads one of some words, whatever their case; an underscore counts as a dash. */
export function oneOf(words: Readonly<Record<string, Meaning>>, otherwise: Meaning): ReadMeaning {
  const known = new Map(Object.entries(words));
  return (value) => known.get(value.toLowerCase().replaceAll("_", "-")) ?? otherwise;
}

/** Passes a value on as an option of the tool. */
export function passedAs(option: string, more: Meaning = {}): ReadMeaning {
  return (value) => ({ ...more, sets: { ...more.sets, [option]: value } });
}

const keystoreHint =
  "openssl pkcs12 -in X.p12 -nodes -out client.pem makes one, behind keytool -importkeystore -srckeystore X.jks -destkeystore X.p12 -deststoretype PKCS12 for a Java keystore";

/** What names a keystore, or what is in one. */
export const keystore: Meaning = {
  problem: "is about a keystore, and the tool reads PEM files",
  hint: keystoreHint,
};

const inline: Meaning = {
  problem: "must be the path of a PEM file",
  hint: "write the certificate or key into a file, and give its path",
};

/** Passes the path of a PEM file on as an option of the tool. */
export function fileAs(option: string, more: Meaning = {}): ReadMeaning {
  return (value) => {
    if (value === "") return { warning: "is empty and is left out" };
    if (/\.(jks|p12|pfx)$/i.test(value)) return keystore;
    if (/-----BEGIN|^\s*\{|^(data|classpath):/i.test(value)) return inline;
    return { ...more, sets: { ...more.sets, [option]: value } };
  };
}

/** What no dump tool can do, whatever driver has a parameter for it. */
export const unsupportedRows: readonly ParamRow[] = [
  [
    "socketfactory cloudsqlinstance cloudsql* iptypes enableiamauth",
    {
      problem: "goes through Google's connector, which dump tools don't have",
      hint: "run cloud-sql-proxy, and name its host or socket",
    },
  ],
  [
    "wrapperplugins iamregion credentialtype azure* authenticationpluginclassname credentialprovider iam*",
    {
      problem: "lets a driver fetch its own password, which dump tools can't",
      hint: "DB_PASSWORD_FILE may name a file with a token that a hook renews",
    },
  ],
  [
    "ssh* tunnel* proxy* socksproxy*",
    {
      problem: "asks for a tunnel or proxy, which dump tools can't go through",
      hint: "open it outside of dbstash, and name its local end",
    },
  ],
  [
    "keyvaultnamespace autoencryption* columnencryption*",
    {
      problem: "asks for encryption by the client: a dump holds such data as it is stored",
      hint: "leave it out",
    },
  ],
];
