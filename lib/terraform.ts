/** The only import of cdktf: an npm alias to another engine with the same API moves the whole library. */
export {
  Annotations,
  DefaultTokenResolver,
  LocalBackend,
  MapTerraformIterator,
  StringConcat,
  TerraformBackend,
  TerraformElement,
  TerraformProvider,
  TerraformResource,
  TerraformStack,
  Token,
  Tokenization,
  type ITerraformIterator,
  type LocalExecProvisioner,
  type TerraformMetaArguments,
} from 'cdktf';
export { deepMerge } from 'cdktf/lib/util';
