/** The body of a stand-in for pg_dump: a dump in its form, its end included, of about so many bytes. */
export function wholeDump(bytes: number): string {
  return `printf -- '--\\n-- PostgreSQL database dump\\n--\\n\\n'
head -c ${bytes} /dev/zero | tr '\\0' 'x'
printf -- '\\n--\\n-- PostgreSQL database dump complete\\n--\\n\\n'`;
}
