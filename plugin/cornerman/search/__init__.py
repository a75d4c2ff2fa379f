"""Look-ahead while a battle is played: actions tried in battles that go on from the present one."""
