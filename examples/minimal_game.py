"""A whole pygame game whose opponent learns. First `cornerman install plugins`; F1 opens the panel."""

from random import Random
from types import SimpleNamespace

import pygame

from game_adapter.host import Host  # yours: from your_copy_of_host import Host

game = SimpleNamespace(name="duel", version="1", action_names=("strike", "guard", "rest"), max_rounds=None)
game.stats = {"guard": 1}  # what a state says of a fighter beside its health, and its usual largest value
host, chance = Host("plugins", "data", game, panel_key="F1"), Random()
pygame.init()
screen, clock, font = pygame.display.set_mode((960, 600)), pygame.time.Clock(), pygame.font.Font(None, 32)
battle, health, guards = 0, [0, 0], [False, False]


def seen(seat: int) -> tuple[dict[str, object], list[bool]]:  # the state, and which actions are legal for a seat
    fighters = [{"seat": at, "health": health[at], "maxHealth": 100, "guard": int(guards[at])} for at in (0, 1)]
    return {"characters": fighters}, [True, not guards[seat], health[seat] < 100]


def turn(seat: int, action: int) -> None:
    (before, mask), guards[seat] = seen(seat), action == 1
    if action == 0:
        health[1 - seat] = max(0, health[1 - seat] - chance.randint(10, 30) // (1 + guards[1 - seat]))
    elif action == 2:
        health[seat] = min(100, health[seat] + 8)
    host.on_turn(battle, seat, before, mask, action, seen(seat)[0])


def draw(*lines: str) -> None:
    pygame.event.pump()
    screen.fill((24, 28, 40))
    for at, line in enumerate(lines):
        screen.blit(font.render(line + ", guards" * guards[at], True, "white"), (40, 60 + 120 * at))
        pygame.draw.rect(screen, (104, 214, 138), (40, 100 + 120 * at, 3 * health[at], 24))
    host.on_draw(screen)  # the panel, line 2 of 2: its picture while it is open
    pygame.display.flip()


host.load(draw)  # the first time it takes seconds, half a minute on a busy machine: what is loading is drawn
while not pygame.event.get(pygame.QUIT):
    if 0 in health:  # the next battle; seat 0 is the player's, seat 1 the plugin's
        battle, health, guards = battle + 1, [100, 100], [False, False]
        host.on_battle_start(battle, {0: "player", 1: "plugin"})
    for event in pygame.event.get(exclude=pygame.QUIT):
        if host.on_event(event) or event.type != pygame.KEYDOWN:  # the panel, line 1 of 2: its keys and clicks
            continue
        chosen = event.key - pygame.K_1
        if 0 not in health and chosen in (0, 1, 2) and seen(0)[1][chosen]:
            turn(0, chosen)
            if 0 not in health:
                turn(1, host.choose_action(battle, 1, *seen(1)) or 0)  # None: your own fighter, who strikes
            if 0 in health:
                host.on_battle_end(battle, {0: 1 if health[0] else -1, 1: 1 if health[1] else -1})
            host.on_break(battle)  # while the player thinks it may learn, until the next turn
    draw("You: keys 1 strike, 2 guard, 3 rest", "Computer: F1 shows what it thinks")
    host.on_frame(passed := clock.tick(60), max(0, passed - clock.get_rawtime()))
host.quit()
