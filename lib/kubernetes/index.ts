export { type FlatKubeconfig, readKubeconfig, readKubeconfigFile } from "./kubeconfig";
export { FLATTEN } from "./kubeconfig-document";
