/** The command succeeded. */
export const EXIT_OK = 0;
/** The command failed, or found what it was asked to look for. */
export const EXIT_FAILED = 1;
/** The command line is wrong; nothing was done. */
export const EXIT_USAGE = 2;
/** `report`: what is proven could not be found out. As after wrong usage, there is no result. */
export const EXIT_UNKNOWN = 2;
/** `plan --exit-code`: an import would change something. */
export const EXIT_CHANGES = 3;
/** `plan`: it brings a release that nodes will refuse; the plan itself is printed. */
export const EXIT_REFUSED = 4;
/** `check`: the registry, the accounts or the images differ from the configuration. The same code as Pulumi's. */
export const EXIT_DRIFT = 7;
/** An archive or a lock file is missing, damaged or another one (EX_DATAERR of sysexits.h). */
export const EXIT_CONTENT = 65;
/** The registry or a cluster does not respond, or is busy: the same command may succeed later (EX_TEMPFAIL). */
export const EXIT_TEMPORARY = 75;
/** The configuration, a certificate or an account is wrong (EX_CONFIG). */
export const EXIT_SETUP = 78;
/** 128 and the number of the signal, as shells expect it. */
export const EXIT_INTERRUPTED = 130;
export const EXIT_TERMINATED = 143;
