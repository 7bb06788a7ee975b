import { IconSearch, IconX } from '@tabler/icons-react';
import { type KeyboardEvent, type RefObject, useState } from 'react';
import classes from './gallery.module.css';
import { readQuery, without, writeChip, writeQuery } from './query';

interface Props {
  query: string;
  onQuery: (query: string) => void;
  input: RefObject<HTMLInputElement | null>;
}

/** The one way to say which series: chips, and a field for the next one. */
export function QueryBar({ query, onQuery, input }: Props) {
  const chips = readQuery(query);
  const [draft, setDraft] = useState('');
  const add = () => {
    const added = readQuery(draft);
    if (added.length) onQuery(writeQuery([...chips, ...added]));
    setDraft('');
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === 'Enter') add();
    if (event.key === 'Escape') input.current?.blur();
    if (event.key === 'Backspace' && !draft) onQuery(writeQuery(chips.slice(0, -1)));
  };
  return (
    <div className={classes.bar}>
      <IconSearch size={16} stroke={1.5} aria-hidden />
      {chips.map((chip, place) => (
        <span key={writeChip(chip)} className={classes.chip}>
          {writeChip(chip)}
          <button
            type="button"
            aria-label={`Without ${writeChip(chip)}`}
            onClick={() => onQuery(writeQuery(without(chips, place)))}
          >
            <IconX size={14} aria-hidden />
          </button>
        </span>
      ))}
      <input
        ref={input}
        className={classes.input}
        aria-label="Find series"
        placeholder={chips.length ? 'and …' : 'Find series: words, Modality:MR, -localizer, "a phrase"'}
        value={draft}
        onChange={(event) => setDraft(event.currentTarget.value)}
        onKeyDown={press}
        onBlur={add}
      />
    </div>
  );
}
