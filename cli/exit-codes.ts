/** The command succeeded. */
export const EXIT_OK = 0;
/** The command failed, or found what it was asked to look for. */
export const EXIT_FAILED = 1;
/** The command line is wrong; nothing was done. */
export const EXIT_USAGE = 2;
/** `plan --exit-code`: an import would change something. */
export const EXIT_CHANGES = 3;
/** `plan`: it brings a release that nodes will refuse; the plan itself is printed. */
export const EXIT_REFUSED = 4;
/** 128 and the number of the signal, as shells expect it. */
export const EXIT_INTERRUPTED = 130;
export const EXIT_TERMINATED = 143;
/** `check`: the registry, the accounts or the images differ from the configuration. The same code as Pulumi's. */
export const EXIT_DRIFT = 7;
