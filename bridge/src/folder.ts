import { contractError } from "./errors.js";

/** `shell.openPath` of Electron: resolves with a message when the folder could not be opened, else with nothing. */
export type OpenPath = (path: string) => Promise<string>;

/** For `registerAbai`: opens the folder that holds the app's data. The history itself is in the database there. */
export function folderOpener(openPath: OpenPath, folder: string): () => Promise<void> {
  return async () => {
    const problem = await openPath(folder);
    if (problem === "") return;
    throw contractError("not_found", "The folder could not be opened. Look for it in the file manager.", {
      detail: problem,
    });
  };
}
