"""What was seen in battles: encoding, recording, transitions, the replay buffer, stored battles."""
