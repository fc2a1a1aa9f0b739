import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { componentPath } from "./components.ts";
import { waitFor } from "./run.ts";
import { tempFolder } from "./temp.ts";

/** How a page is looked at. */
export interface View {
  readonly width: number;
  readonly height: number;
  readonly scheme: "light" | "dark";
}

/** A page in a headless Chromium, and all that it did. */
export interface Tab {
  /** What it asked the network for, in order; the document itself is the first. */
  readonly requests: readonly string[];
  /** What the browser said of it: refusals of its policy, errors, dialogs. */
  readonly complaints: readonly string[];
  /** Goes to an address, and waits until all of it is there. */
  open(url: string, view: View): Promise<void>;
  /** The value of an expression in the page, as JSON. */
  evaluate<T>(expression: string): Promise<T>;
  /** What a screen reader is told: role and name of each thing that is not ignored. */
  roles(): Promise<readonly { readonly role: string; readonly name: string }[]>;
  /** A picture of the whole page, as PNG. */
  picture(scale?: number): Promise<Buffer>;
}

export interface Browser extends AsyncDisposable {
  readonly tab: Tab;
}

type Message = { readonly [field: string]: unknown };

const answerMs = 30_000;

/** Starts the Chromium of the set-up with one tab, by the DevTools protocol (chromedevtools.github.io). */
export async function startBrowser(): Promise<Browser> {
  const folder = tempFolder("browser");
  const child = Bun.spawn(
    [
      componentPath("chromium"),
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--hide-scrollbars",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
      "--remote-debugging-port=0",
      `--user-data-dir=${folder.file("profile")}`,
      "about:blank",
    ],
    {
      stdio: ["ignore", "ignore", "ignore"],
      env: {
        HOME: folder.path,
        XDG_CACHE_HOME: folder.path,
        FONTCONFIG_FILE: fontSettings(folder.file("fonts")),
      },
    },
  );
  try {
    const portFile = folder.file("profile/DevToolsActivePort");
    const port = await waitFor(
      "Chromium",
      () => existsSync(portFile) && /^\d+(?=\n)/.exec(readFileSync(portFile, "utf8"))?.[0],
    );
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as readonly Message[];
    const page = targets.find(({ type }) => type === "page");
    const tab = await openTab(String(page?.["webSocketDebuggerUrl"]));
    return {
      tab,
      async [Symbol.asyncDispose]() {
        child.kill("SIGKILL");
        await child.exited;
        folder.remove();
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    await child.exited;
    folder.remove();
    throw error;
  }
}

/** The set-up's own fonts, whatever the machine has: every machine draws alike. @returns the file's path */
function fontSettings(folder: string): string {
  const root = join(componentPath("chromium"), "../../..");
  mkdirSync(folder);
  const file = join(folder, "fonts.conf");
  writeFileSync(
    file,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${root}/usr/share/fonts</dir><cachedir>${folder}</cachedir></fontconfig>`,
  );
  return file;
}

async function openTab(address: string): Promise<Tab> {
  const socket = new WebSocket(address);
  const answers = new Map<number, { resolve(value: Message): void; reject(error: Error): void }>();
  const [requests, complaints]: [string[], string[]] = [[], []];
  let [number, loads] = [0, 0];
  const send = (method: string, params: Message = {}): Promise<Message> =>
    new Promise((resolve, reject) => {
      number += 1;
      const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), answerMs);
      const settle =
        <V>(use: (value: V) => void) =>
        (value: V) => {
          clearTimeout(timer);
          use(value);
        };
      answers.set(number, { resolve: settle(resolve), reject: settle(reject) });
      socket.send(JSON.stringify({ id: number, method, params }));
    });
  const told: Readonly<Record<string, (params: Message) => void>> = {
    "Page.loadEventFired": () => void (loads += 1),
    "Page.javascriptDialogOpening": ({ message }) => void complaints.push(`dialog: ${String(message)}`),
    "Network.requestWillBeSent": ({ request }) => void requests.push(String((request as Message)["url"])),
    "Log.entryAdded": ({ entry }) => void complaints.push(String((entry as Message)["text"])),
    "Runtime.consoleAPICalled": ({ args }) => void complaints.push(JSON.stringify(args)),
  };
  socket.addEventListener("message", ({ data }) => {
    const { id, method, params, result, error } = JSON.parse(String(data)) as Message;
    if (typeof method === "string") told[method]?.(params as Message);
    const waiting = answers.get(Number(id));
    if (error === undefined) waiting?.resolve((result ?? {}) as Message);
    else waiting?.reject(new Error(JSON.stringify(error)));
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  for (const domain of ["Page", "Network", "Log", "Runtime", "Accessibility"]) await send(`${domain}.enable`);
  return {
    requests,
    complaints,
    async open(url, { width, height, scheme }) {
      const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 600 };
      await send("Emulation.setDeviceMetricsOverride", metrics);
      await send("Emulation.setEmulatedMedia", {
        features: [{ name: "prefers-color-scheme", value: scheme }],
      });
      const before = loads;
      await send("Page.navigate", { url });
      await waitFor("the page", () => loads > before);
    },
    async evaluate<T>(expression: string) {
      const { result, exceptionDetails } = await send("Runtime.evaluate", {
        expression,
        returnByValue: true,
      });
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
      return (result as { readonly value: T }).value;
    },
    async roles() {
      const { nodes } = (await send("Accessibility.getFullAXTree")) as { readonly nodes: readonly Message[] };
      const text = (of: unknown): string => {
        const value = (of as Message | undefined)?.["value"];
        return typeof value === "string" ? value : "";
      };
      return nodes
        .filter(({ ignored }) => ignored !== true)
        .map(({ role, name }) => ({ role: text(role), name: text(name) }));
    },
    async picture(scale = 1) {
      const { cssContentSize } = (await send("Page.getLayoutMetrics")) as {
        readonly cssContentSize: { readonly width: number; readonly height: number };
      };
      const clip = { x: 0, y: 0, ...cssContentSize, scale };
      const { data } = await send("Page.captureScreenshot", {
        format: "png",
        clip,
        captureBeyondViewport: true,
      });
      return Buffer.from(String(data), "base64");
    },
  };
}
