/** How a piece of text is set apart; the identity everywhere but on a terminal. */
export interface Style {
  create(text: string): string;
  update(text: string): string;
  delete(text: string): string;
  strong(text: string): string;
  faint(text: string): string;
  error(text: string): string;
}

const same = (text: string): string => text;

export const PLAIN: Style = { create: same, update: same, delete: same, strong: same, faint: same, error: same };
