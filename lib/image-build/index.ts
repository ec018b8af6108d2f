export { type BuiltImage, NOBODY, USERS, buildImage } from "./build-image";
export { type Needs, readNeeds } from "./elf";
export { writeImageArchive } from "./image-archive";
export { registryImage } from "./registry-image";
export { type LayerFile, type TarLayer, tarLayer } from "./tar-layer";
