/** Where dbstash is at home. */
const repository = "viperadnan/dbstash";

/** Where it is described, as people open it. */
export const docsAddress = `https://github.com/${repository}/blob/main/docs`;
