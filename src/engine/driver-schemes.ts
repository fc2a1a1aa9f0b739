/** What frameworks and drivers write for a database's scheme (SQLAlchemy, Django, Rails, Laravel, Go, Java). */
const driverWords: Readonly<Record<string, string>> = {
  pg: "postgresql",
  pgsql: "postgresql",
  psql: "postgresql",
  postgis: "postgresql",
  cockroachdb: "postgresql",
  timescale: "postgresql",
  timescaledb: "postgresql",
  asyncpg: "postgresql",
  mysql2: "mysql",
  mysqli: "mysql",
  mysqlgis: "mysql",
  trilogy: "mysql",
  pymysql: "mysql",
  mongo: "mongodb",
  "redis-ssl": "rediss",
  "redis-tls": "rediss",
};

/**
 * The scheme that a framework's or driver's stands for: `postgresql` for `postgresql+psycopg2`, `mysql` for `mysql2`.
 * @param schemes those of the engine
 * @returns null where it stands for none of these
 */
export function schemeMeantBy(scheme: string, schemes: readonly string[]): string | null {
  const [database = ""] = scheme.split(/[+:]/);
  // Behind a plus stands a driver, but a sentinel, a cluster or a pool of a provider's is another address.
  if (/sentinel|cluster|^prisma/.test(scheme)) return null;
  const meant = driverWords[scheme] ?? driverWords[database] ?? database;
  return schemes.includes(meant) ? meant : null;
}

/** What to write instead of an address that is not the database's own; null where nothing is known. */
export function otherAddressHint(scheme: string): string | null {
  if (/sentinel/.test(scheme))
    return "name the server itself, as redis://host:6379: redis-cli -h SENTINEL -p 26379 sentinel get-master-addr-by-name NAME tells which one it is";
  if (/^redis.*cluster/.test(scheme))
    return "name one node, as redis://host:6379; run one job for each shard";
  if (scheme.startsWith("prisma")) return "Prisma's address is that of its proxy: name the database's own";
  return null;
}
