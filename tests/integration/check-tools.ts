/** Stand-ins of PostgreSQL's client programs for a database that is well, whatever they are asked. */
export const answeringTools = {
  pg_dump: "echo 'pg_dump (PostgreSQL) 15.3'",
  psql: String.raw`printf 'backup\tapp\t150003\t15.3\n'`,
};
