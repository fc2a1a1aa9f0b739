import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath } from "./components.ts";
import { runOk } from "./run.ts";
import { makeSshKey } from "./sftp.ts";
import { tempFolder } from "./temp.ts";

/** A key of age's, or of SSH, made for one test. */
export interface KeyPair {
  /** What `BACKUP_ENCRYPT_TO` is given, without quotes. */
  readonly recipient: string;
  /** The file that opens what was encrypted. */
  readonly identityFile: string;
}

/** Keys in a folder of the test's own. */
export interface Keys extends Disposable {
  readonly own: KeyPair;
  /** A second one of age's. */
  readonly other: KeyPair;
  readonly ssh: KeyPair;
  readonly folder: string;
}

/** Makes keys. */
export async function makeKeys(): Promise<Keys> {
  const folder = tempFolder("keys");
  const age = async (name: string): Promise<KeyPair> => {
    const identityFile = folder.file(name);
    await runOk([join(componentPath("age"), "age-keygen"), "-o", identityFile]);
    const recipient = (await runOk([join(componentPath("age"), "age-keygen"), "-y", identityFile])).trim();
    return { recipient, identityFile };
  };
  const sshFile = folder.file("ssh");
  await makeSshKey(sshFile);
  const ssh = { recipient: (await Bun.file(`${sshFile}.pub`).text()).trim(), identityFile: sshFile };
  return {
    own: await age("own"),
    other: await age("other"),
    ssh,
    folder: folder.path,
    [Symbol.dispose]: () => folder.remove(),
  };
}

/** What a stored file holds for who has the key; throws where it can't be opened, or not to its end. */
export async function decrypt({ identityFile }: KeyPair, file: string): Promise<Uint8Array> {
  const argv = [join(componentPath("age"), "age"), "-d", "-i", identityFile, file];
  const child = Bun.spawn(argv, { stdio: ["ignore", "pipe", "pipe"] });
  const [bytes, words, code] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`age -d ended with ${code}: ${words}`);
  return bytes;
}

/** Writes a list of recipients for `BACKUP_ENCRYPT_TO_FILE`; nobody but its owner may change it. */
export function writeRecipients(path: string, lines: readonly string[]): string {
  writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o644 });
  return path;
}
