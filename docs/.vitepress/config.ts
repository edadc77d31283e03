/** The site of the documentation: `npm run docs` builds it, without a network, into docs/.vitepress/dist. */
import { defineConfig } from 'vitepress';

export default defineConfig({
  title: 'Portolan',
  description: 'A simulator of the whole networking of a DC/OS cluster',
  // The playground holds the whole model.
  vite: { build: { chunkSizeWarningLimit: 1000 } },
  themeConfig: {
    outline: [2, 3],
    search: { provider: 'local' },
    nav: [
      { text: 'Lessons', link: '/lessons/1-ports' },
      { text: 'Playground', link: '/playground' },
      { text: 'Reference', link: '/reference/api' },
      { text: 'Fidelity', link: '/fidelity' },
    ],
    sidebar: [
      {
        text: 'Portolan',
        items: [
          { text: 'What it is', link: '/' },
          { text: 'The post, step by step', link: '/post' },
          { text: 'Playground', link: '/playground' },
          { text: 'Fidelity', link: '/fidelity' },
        ],
      },
      {
        text: 'Lessons',
        items: [
          { text: '1. The ports of an app', link: '/lessons/1-ports' },
          { text: '2. The way of a VIP', link: '/lessons/2-vip' },
          { text: '3. A VIP on its own agent', link: '/lessons/3-own-agent' },
          { text: '4. The overlay', link: '/lessons/4-overlay' },
          { text: '5. What a deployment changed', link: '/lessons/5-diff' },
          { text: '6. Why an app waits', link: '/lessons/6-waiting' },
          { text: '7. A client outside', link: '/lessons/7-outside' },
        ],
      },
      {
        text: 'Reference',
        items: [
          { text: 'API', link: '/reference/api' },
          { text: 'Shell', link: '/reference/shell' },
          { text: 'Scripts and replays', link: '/reference/scripts' },
        ],
      },
    ],
  },
});
