/** The only import of cdktf: an npm alias to another engine with the same API moves the whole library. */
export {
  Annotations,
  LocalBackend,
  MapTerraformIterator,
  TerraformBackend,
  TerraformElement,
  TerraformProvider,
  TerraformResource,
  TerraformStack,
  Token,
  type ITerraformIterator,
  type TerraformMetaArguments,
} from 'cdktf';
