export type { Credentials } from "../../http/credentials";
