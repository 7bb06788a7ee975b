// Runs before the first paint, so that a person who chose light never sees a dark flash. A file, not inline: the
// site's content security policy allows no inline scripts.
document.documentElement.dataset.mantineColorScheme =
  localStorage.getItem('mantine-color-scheme-value') === 'light' ? 'light' : 'dark';
