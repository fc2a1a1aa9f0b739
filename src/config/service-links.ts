/** What Kubernetes puts into a container for each Service of its namespace (docs, "Environment variables"). */
const address = /^(?:tcp|udp|sctp):\/\//;

/** The names it makes of a Service called `db`: `DB_SERVICE_HOST`, `DB_PORT`, `DB_PORT_5432_TCP_ADDR` and so on. */
const derived = /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/;

/** Whether a variable was put there for a Service, and by nobody who meant a setting. */
export function isServiceLink(variable: string, value: string): boolean {
  return derived.test(variable) || (variable.endsWith("_PORT") && address.test(value));
}

/** What is told of a setting that a Service's name has covered. */
export function serviceLinkWarning(variable: string, value: string): string {
  const service = variable
    .replace(/_PORT$/, "")
    .toLowerCase()
    .replaceAll("_", "-");
  return (
    `${variable} is passed over: ${value} is what Kubernetes sets for a Service called ${service}; ` +
    "enableServiceLinks: false in the pod's spec keeps it away"
  );
}
