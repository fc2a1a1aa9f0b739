import type { Connection } from "../connection.ts";
import {
  type Meaning,
  type ParamReading,
  type ParamRow,
  type ParamTable,
  type ReadMeaning,
  readParams,
  tlsLevels,
  uriSetting,
} from "../params.ts";
import { either, oneOf, passedAs, unsupportedRows } from "../param-rows.ts";
import { instead, tlsRows } from "./tls-params.ts";

const publicKeyFile: ReadMeaning = (value) =>
  value.includes("/")
    ? { sets: { "--server-public-key-path": value } }
    : {
        problem: "names a key that the program has in its code",
        hint: "write server_public_key_path=/path/to/key.pem, or ssl-mode=REQUIRED, which needs none",
      };

const driversOwnLogin: Meaning = {
  problem: "names ways to log in that a driver has in its code",
  hint: "default_auth=… names a plugin of the client programs",
};

const fixed: Meaning = {
  problem: "asks for an old way to log in, which the client programs don't have",
  hint: "leave it out",
};

const ownSession: Meaning = { warning: "is left out: the dump sets up its session itself" };

/** What pools and drivers keep for themselves, and what only the speed depends on. */
const harmless =
  "charset character* encoding useunicode collation connectioncollation parsetime loc columnswithalias clientfoundrows interpolateparams multistatements maxallowedpacket readtimeout writetimeout timeout connecttimeout sockettimeout connectionlimit pool* statementcachesize minpoolsize maxpoolsize maxidletime waitforconnections queuelimit enablekeepalive autoreconnect reconnect allowmultiqueries rewritebatchedstatements cacheprepstmts prepstmtcache* useserverprepstmts uselocalsessionstate cacheserverconfiguration maintaintimestats elidesetautocommits usecursorfetch defaultfetchsize zerodatetimebehavior tinyint1isbit yearisdatetype nullcatalogmeanscurrent nulldatabasemeanscurrent useinformationschema noaccesstoprocedurebodies useaffectedrows uselegacydatetimecode jdbccomplianttruncation allowloadlocalinfile allowlocalinfile allowallfiles localinfile allowurlinlocalinfile autocommit usepure raiseonwarnings consumeresults buffered conv cursorclass datestrings supportbignumbers bignumberstrings decimalnumbers namedplaceholders stringifyobjects typecast flags debug trace connectionattributes programname applicationname tcpkeepalive tcpnodelay paranoid logger profilesql pinglobaltxtophysicalconnection galeraallowedstate usepipelineauth usebulkstmts adapter connmaxage preparedstatements reapingfrequency checkouttimeout variables strict passwordcharacterencoding timezone servertimezone connectiontimezone compress usecompression compression forceconnectiontimezonetosession";

const rows: readonly ParamRow[] = [
  ...tlsRows,
  ["allowpublickeyretrieval getserverpublickey", either({ sets: { "--get-server-public-key": "" } }, {})],
  ["serverrsapublickeyfile serverpubkey serverpublickeypath", publicKeyFile],
  ["defaultauth authplugin", passedAs("--default-auth")],
  [
    "defaultauthenticationplugin authenticationplugins disabledauthenticationplugins restrictedauth",
    driversOwnLogin,
  ],
  [
    "allowcleartextpasswords enablecleartextplugin",
    either({ sets: { "--enable-cleartext-plugin": "" } }, {}),
  ],
  [
    "allownativepasswords",
    either(
      {},
      { problem: "shuts out a way to log in, which the client programs can't", hint: "leave it out" },
    ),
  ],
  ["allowoldpasswords", either(fixed, {})],
  ["secureauth", either({}, fixed)],
  ["socket unixsocket localsocket", { problem: "must be a path that begins with /" }],
  ["protocol", oneOf({ tcp: {} }, { problem: "must be tcp", hint: "socket=/path names a unix socket" })],
  ["pipe", { problem: "names a pipe of Windows'", hint: "leave it out" }],
  [
    "readdefaultfile readdefaultgroup optionfiles defaultsfile",
    {
      problem: "names an option file, and those are not read: their settings might change what is dumped",
      hint: "write what it says of the connection into DB_URI",
    },
  ],
  ["initcommand sessionvariables sqlmode", ownSession],
  ...unsupportedRows,
  [harmless, {}],
];

const table: ParamTable = { tool: "the client programs of MySQL and MariaDB", rows, instead };

/** What a URI's parameters ask of the client programs. */
export function readMysqlParams(connection: Connection): ParamReading {
  const reading = readParams(connection, table);
  const { options, tls } = reading;
  const clear = options.get("--enable-cleartext-plugin");
  if (clear === undefined || (tls !== null && tlsLevels.indexOf(tls) >= tlsLevels.indexOf("require")))
    return reading;
  const problem = {
    message: `${uriSetting}: ${clear.key} sends the password in clear, and TLS is not asked for`,
    hint: "write ssl-mode=REQUIRED too, or leave it out",
  };
  return { ...reading, problems: [...reading.problems, problem] };
}
