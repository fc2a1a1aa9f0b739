/** The key that rclone obscures passwords with, the same for everybody (rclone, fs/config/obscure/obscure.go). */
const key = Buffer.from("9c935b48730a554d6bfd7c63c886a92bd390198eb8128afbf4de162b8b95f638", "hex");
const ivBytes = 16;

/**
 * The password that `rclone obscure` has made this text of: AES in counter mode behind its first block, in base64 for
 * URLs. Null for what can be none. No text is safe from being taken for one; then what comes out is a jumble.
 */
export function revealObscured(text: string): string | null {
  if (!/^[A-Za-z0-9_-]{23,}$/.test(text)) return null;
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length <= ivBytes) return null;
  // Loaded only where it is needed (CONTRIBUTING, "Memory").
  const { createDecipheriv } = process.getBuiltinModule("node:crypto");
  const decipher = createDecipheriv("aes-256-ctr", key, bytes.subarray(0, ivBytes));
  const clear = Buffer.concat([decipher.update(bytes.subarray(ivBytes)), decipher.final()]).toString("utf8");
  return /[\p{Cc}\uFFFD]/u.test(clear) ? null : clear;
}
