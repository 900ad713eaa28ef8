// One signal plays at a time; the next takes over where the last one is, so that Sin and Sout compare at a click.
const players = [...document.querySelectorAll("audio")];
const cursors = [...document.querySelectorAll(".cursor")];
let current = players[players.length - 1];

function follow() {
  for (const cursor of cursors) {
    cursor.style.setProperty("--now", current.currentTime / cursor.dataset.seconds);
    cursor.classList.add("shown");
  }
  if (!current.paused) requestAnimationFrame(follow);
}

for (const player of players) {
  player.addEventListener("play", () => {
    if (player !== current && !current.paused) {
      current.pause();
      player.currentTime = current.currentTime;
    }
    current = player;
    follow();
  });
  player.addEventListener("seeking", () => player === current && follow());
}

for (const cursor of players.length ? cursors : []) {
  const plot = cursor.parentElement;
  plot.addEventListener("click", (event) => {
    const box = plot.getBoundingClientRect();
    const left = Number(plot.style.getPropertyValue("--left"));
    const right = Number(plot.style.getPropertyValue("--right"));
    const now = ((event.clientX - box.left) / box.width - left) / (1 - left - right);
    current.currentTime = Math.max(0, Math.min(1, now)) * cursor.dataset.seconds;
    current.play();
  });
}
