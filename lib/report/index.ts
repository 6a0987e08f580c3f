export { renderDriftMarkdown, renderDriftText } from './drift';
export { renderJson } from './json';
export { MARKDOWN_LIMIT, renderMarkdown } from './markdown';
export { type ProgramSettings, renderProgram } from './program';
export { PLAIN, type Style } from './style';
export { renderTable } from './table';
export { renderText } from './text';
export { renderWaves } from './waves';
export { count, isEmpty, summaryLine } from './words';
