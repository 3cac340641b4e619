/** Where Chromium is on this machine; it is never downloaded. */
import { existsSync } from "node:fs";

const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

const named = process.env["CHROMIUM"] ?? "";

export const CHROMIUM = (named === "" ? PLACES : [named]).find((path) => existsSync(path));

export const HOW_TO_INSTALL =
  "Chromium is not installed, so the journeys in a real browser cannot run. " +
  "Install it (Debian: apt-get install chromium), or say where it is in the variable CHROMIUM.";
