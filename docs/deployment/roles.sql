-- The role that the program connects as: it owns nothing, and the migrations, run by the owner, grant it what it
-- needs. It must be there before the first migration. Then give it a password: \password cloudcache_app
CREATE ROLE cloudcache_app LOGIN;
